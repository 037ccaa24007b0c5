// The difference between what a worker has and what its coordinator wants.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "worker/agent/values.h"

namespace braid::worker {

struct Actions {
  std::vector<Assignment> start;
  std::vector<std::pair<RankKey, int64_t>> stop;  // with the time it has, in ms
  std::vector<RankKey> drop;                      // kill, report nothing: no longer ours
};

// `have` are the ranks this worker holds, true for those already told to stop. A rank that is
// wanted only to be stopped and was never started is started too, so that its end is reported.
Actions Reconcile(const std::map<RankKey, bool>& have, const DesiredState& desired);

}  // namespace braid::worker
