#include "coordinator/submission/merge_submission.h"

#include <utility>

#include "base/text.h"
#include "recipe/compat.h"
#include "recipe/merge_jobs.h"
#include "recipe/recipe.h"

namespace braid::coordinator {
namespace {

// What it is trained on, as its request says. The tokenizer is the one that the merge wrote
// beside the composite.
Result<recipe::JointPhase> JointOf(const MergeSubmission& submission,
                                   const merge::MergePlan& plan) {
  recipe::JointPhase joint;
  BRAID_ASSIGN_OR_RETURN(joint.settings, recipe::ParseJoint(submission.joint, "joint"));
  recipe::ScaleJointRates("fixed", plan.model.connection.kind, &joint.settings);
  joint.tokenizer = {"merge:composite", "model", "", ""};
  if (submission.split_paths.has_value()) joint.split_paths = *submission.split_paths;
  if (!submission.split_unit.empty()) joint.split_unit = submission.split_unit;
  if (!submission.loss_average.empty()) joint.loss_average = submission.loss_average;
  if (!(joint.split_paths > 0 && joint.split_paths < 1))
    return InvalidArgument(
        Format("split_paths %g: it is above 0 and below 1, the rest is what the "
               "composite is trained on",
               joint.split_paths));
  if (joint.split_unit != "chunk" && joint.split_unit != "document")
    return InvalidArgument("split_unit " + joint.split_unit + ": it is chunk or document");
  if (joint.loss_average != "token_mean" && joint.loss_average != "batch_mean")
    return InvalidArgument("loss_average " + joint.loss_average +
                           ": it is token_mean or batch_mean");
  return joint;
}

Result<recipe::InputRef> ShardsOf(const std::string& corpus, const std::string& id,
                                  const StoredArtifacts& stored) {
  BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord shards, stored.Find(id));
  if (shards.kind != "shards") {
    return InvalidArgument("data " + corpus + ": artifact " + id + " is a " + shards.kind +
                           ", not shards");
  }
  return recipe::InputRef{"", "", "", shards.id};
}

}  // namespace

Result<StoredMergePlan> PlanStored(const merge::MergeRequest& request,
                                   const StoredArtifacts& stored) {
  StoredMergePlan planned;
  const auto read = [&](const std::string& name, const std::string& id,
                        bool moments) -> Result<merge::Parent> {
    BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord artifact, stored.Find(id));
    planned.ids.push_back(artifact.id);
    return stored.ReadCheckpoint(name == id ? artifact.id.substr(0, 12) : name, artifact, moments);
  };
  BRAID_ASSIGN_OR_RETURN(merge::PlannedMerge merge, merge::PlanRequest(request, read));
  planned.plan = std::move(merge.plan);
  return planned;
}

Result<SubmitCommand> CommandOf(const MergeSubmission& submission, const StoredMergePlan& planned,
                                const StoredArtifacts& stored) {
  const merge::MergePlan& plan = planned.plan;
  recipe::Merge merge;
  merge.name = "composite";
  merge.model = plan.model;
  merge.seed = submission.seed;
  merge.carry_optimizer = plan.carry_optimizer;
  merge.sequence = plan.model.sequence;
  for (size_t i = 0; i < plan.sources.size(); ++i) {
    const recipe::InputRef checkpoint{"", "", "", planned.ids[i]};
    if (plan.base && i + 1 == plan.sources.size()) {
      merge.base = checkpoint;
    } else {
      merge.parents.emplace_back(plan.sources[i], checkpoint);
    }
  }
  for (const auto& [corpus, id] : submission.data) {
    BRAID_ASSIGN_OR_RETURN(recipe::InputRef shards, ShardsOf(corpus, id, stored));
    merge.data.emplace_back(corpus, std::move(shards));
  }
  if (!submission.joint.empty()) {
    if (merge.data.empty())
      return InvalidArgument("joint: needs data to train on; give the shards of each corpus");
    BRAID_ASSIGN_OR_RETURN(merge.joint, JointOf(submission, plan));
  }
  SubmitCommand command;
  command.dag.run = submission.run_name.empty() ? "merge" : submission.run_name;
  command.dag.jobs = recipe::MergeJobs(merge);
  command.priority = submission.priority;
  command.user = submission.user;
  return command;
}

}  // namespace braid::coordinator
