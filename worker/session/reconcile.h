// The worker makes itself match what the coordinator wants: pure decisions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "task/assignment.h"
#include "worker/coordinator_link.h"

namespace braid::worker {

using task::Assignment;

// A GPU that this worker announced and must not use.
struct RefusedGpu {
  std::string uuid;
  std::string why;
  bool operator==(const RefusedGpu&) const = default;
};

struct Desired {
  int64_t version = 0;
  std::vector<Assignment> ranks;
  std::vector<RefusedGpu> refused_gpus;
  int64_t heartbeat_interval_ms = 2'000;
  int64_t isolation_timeout_ms = 24 * 3'600'000;
};

struct Actions {
  std::vector<Assignment> start;
  std::vector<std::pair<RankKey, int64_t>> stop;  // with the time it has, in ms
  std::vector<RankKey> drop;                      // kill, report nothing: no longer ours
};

// `have` are the ranks this worker holds, true for those already told to stop. A rank that is
// wanted only to be stopped and was never started is started too, so that its end is reported.
Actions Reconcile(const std::map<RankKey, bool>& have, const Desired& desired);

}  // namespace braid::worker
