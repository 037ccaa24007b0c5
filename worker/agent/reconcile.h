// The difference between the ranks that a worker has and those that its coordinator wants.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "worker/agent/values.h"

namespace braid::worker {

// What to do so that the ranks match.
struct Actions {
  std::vector<Assignment> start;
  // Each with the milliseconds that it has for its checkpoint.
  std::vector<std::pair<RankKey, int64_t>> stop;
  // Ranks that are no longer this worker's: their programs are killed, and nothing is reported.
  std::vector<RankKey> drop;
};

// `have` maps the ranks of this worker to whether they have been asked to stop. A rank that is
// listed to be stopped but was never started is in `start`, too, so that its end is reported.
Actions Reconcile(const std::map<RankKey, bool>& have, const DesiredState& desired);

}  // namespace braid::worker
