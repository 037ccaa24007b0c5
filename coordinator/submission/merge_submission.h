// A requested merge of stored checkpoints: plans it, and expands it to a graph of jobs. Without
// gRPC and without the core.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/runs.h"
#include "coordinator/submission/stored_artifacts.h"
#include "merge/plan.h"
#include "merge/request.h"

namespace braid::coordinator {

// A plan whose sources are stored artifacts.
struct StoredMergePlan {
  merge::MergePlan plan;
  std::vector<std::string> ids;  // of artifacts, whole, in the order of plan.sources
};

// kFailedPrecondition (INCOMPATIBLE_PARENTS) names the parent, the field and both values.
Result<StoredMergePlan> PlanStored(const merge::MergeRequest& request,
                                   const StoredArtifacts& stored);

// StartMergeRequest of the API, without the merge itself.
struct MergeSubmission {
  std::string run_name;                     // empty: "merge"
  std::map<std::string, std::string> data;  // corpus -> artifact id of its shards
  std::string joint;                        // text of a recipe's joint section; empty: no training
  std::optional<double> split_paths;
  std::string split_unit, split_shuffle, loss_average;  // empty: the defaults of JointPhase
  uint64_t seed = 42;
  int64_t priority = 0;
  std::string user;
  std::vector<std::string> tags;
};

// merge; gate where there is data to prove it on; joint if asked for.
Result<SubmitCommand> CommandOf(const MergeSubmission& submission, const StoredMergePlan& planned,
                                const StoredArtifacts& stored);

}  // namespace braid::coordinator
