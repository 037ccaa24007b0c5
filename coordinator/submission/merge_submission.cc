#include "coordinator/submission/merge_submission.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "recipe/compat.h"
#include "recipe/graph/merge_jobs.h"
#include "recipe/parse/parse_recipe.h"
#include "recipe/recipe.h"
#include "schema/words.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

// The name of a composite that no recipe names.
constexpr char kComposite[] = "composite";

// Puts the value of a setting that was given as `word` into `value`; an empty one changes nothing.
template <class E>
Status ReadWord(const char* field, const std::string& word, E* value) {
  if (word.empty()) return OkStatus();
  const std::optional<E> found = schema::FromName<E>(word);
  if (!found.has_value())
    return InvalidArgument(std::string(field) + " " + word + ": it is " +
                           Join(WordsOf(E{}), " or "));
  *value = *found;
  return OkStatus();
}

// What it is trained on, as its request says. The tokenizer is the one that the merge wrote
// beside the composite.
Result<recipe::JointPhase> JointOf(const MergeSubmission& submission,
                                   const merge::MergePlan& plan) {
  recipe::JointPhase joint;
  BRAID_ASSIGN_OR_RETURN(joint.settings, recipe::ParseJoint(submission.joint, "joint"));
  if (joint.settings.teaching() != nullptr) {
    return InvalidArgument(
        "joint.teachers: parents teach on their own corpora, and a merge without a recipe does not "
        "know which these are; write a recipe whose paths have `from`, or leave teachers out");
  }
  if (joint.settings.match_rms) {
    const std::string why = model::WhyNoMatch(plan.model, plan.base);
    if (!why.empty()) return InvalidArgument("joint.match_rms: " + why);
  }
  recipe::ScaleJointRates(spec::Compat::kFixed, plan.model.connection.kind, &joint.settings);
  joint.tokenizer = {task::JobName(task::JobKind::kMerge, kComposite), task::role::kModel, "", ""};
  if (submission.split_paths.has_value()) joint.split.paths = *submission.split_paths;
  if (!(joint.split.paths > 0 && joint.split.paths < 1))
    return InvalidArgument(
        Format("split_paths %g: it is above 0 and below 1, the rest is what the "
               "composite is trained on",
               joint.split.paths));
  BRAID_RETURN_IF_ERROR(ReadWord("split_unit", submission.split_unit, &joint.split.unit));
  BRAID_RETURN_IF_ERROR(ReadWord("split_shuffle", submission.split_shuffle, &joint.split.shuffle));
  BRAID_RETURN_IF_ERROR(ReadWord("loss_average", submission.loss_average, &joint.loss_average));
  return joint;
}

Result<recipe::InputRef> ShardsOf(const std::string& corpus, const std::string& id,
                                  const StoredArtifacts& stored) {
  BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord shards, stored.Find(id));
  if (!IsNameOf(shards.kind, task::ArtifactKind::kShards)) {
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
  merge.name = kComposite;
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
  command.dag.run = submission.run_name.empty() ? NameOf(task::JobKind::kMerge)
                                                : submission.run_name;
  command.dag.jobs = recipe::MergeJobs(merge);
  command.priority = submission.priority;
  command.user = submission.user;
  command.tags = submission.tags;
  return command;
}

}  // namespace braid::coordinator
