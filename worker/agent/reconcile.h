// The difference between the ranks that a worker has and those that its coordinator wants.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "worker/agent/values.h"

namespace braid::worker {

// What to do so that the ranks match.
struct Actions {
  std::vector<Assignment> start;
  // Each with the milliseconds that it has for its checkpoint, whether it is stopping already or
  // not.
  std::vector<std::pair<RankKey, int64_t>> stop;
  // Ranks that are no longer this worker's: their programs are killed, and nothing is reported.
  std::vector<RankKey> drop;
};

// `have` are the ranks of this worker. A rank that is listed to be stopped but was never started is
// in `start`, so that its end is reported.
Actions Reconcile(const std::set<RankKey>& have, const DesiredState& desired);

}  // namespace braid::worker
