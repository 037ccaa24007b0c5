#include "coordinator/submission/submission.h"

#include <algorithm>

#include "base/excerpt.h"
#include "merge/checkpoint_requirement.h"
#include "recipe/graph/pretrained.h"
#include "recipe/recipe.h"
#include "storage/files/manifest.h"
#include "submit/recipe_check.h"

namespace braid::coordinator {
namespace {

// Whether a job of the graph, which may be a part of the recipe's, reads it.
bool Reads(const recipe::Dag& dag, const model::CheckpointRequirement& given) {
  return std::any_of(dag.jobs.begin(), dag.jobs.end(), [&](const recipe::JobNode& job) {
    return std::any_of(job.inputs.begin(), job.inputs.end(), [&](const auto& input) {
      return input.second.source == given.source ||
             (!input.second.artifact.empty() && input.second.artifact == given.checkpoint);
    });
  });
}

// The artifact that stands for a source, or is named itself.
std::optional<catalog::ArtifactRecord> StoredOf(const SubmitCommand& command,
                                                const std::string& source, const std::string& id,
                                                const StoredArtifacts& stored) {
  const auto uploaded = command.sources.find(source);
  if (uploaded == command.sources.end() && !recipe::IsArtifactId(id)) return std::nullopt;
  auto artifact = stored.Find(uploaded != command.sources.end() ? uploaded->second : id);
  return artifact.ok() ? std::optional(std::move(*artifact)) : std::nullopt;
}

// The digest of the tokenizer.json that was uploaded; empty if there is none.
std::string TokenizerOf(const SubmitCommand& command, const StoredArtifacts& stored) {
  const auto artifact = StoredOf(command, recipe::SourceName(recipe::SourceKind::kTokenizer), "",
                                 stored);
  if (!artifact.has_value()) return "";
  const auto manifest = storage::ParseManifest(artifact->manifest, "artifact " + artifact->id);
  return manifest.ok() && manifest->files.size() == 1 ? manifest->files.front().sha256 : "";
}

// A run names no artifacts that it does not read: with it they would be kept, and go.
Status CheckSources(const Submission& submission, const recipe::Dag& dag) {
  for (const auto& [name, artifact] : submission.sources) {
    const bool is_read = std::any_of(
        dag.sources.begin(), dag.sources.end(),
        [&](const recipe::Source& source) { return source.name() == name; });
    if (!is_read) {
      return InvalidArgument("sources: the recipe reads nothing called \"" + Excerpt(name) +
                             "\" (artifact " + Excerpt(artifact) + ")");
    }
  }
  return OkStatus();
}

// Checkpoints of the recipe that are stored here, against what it says of them
// (merge/checkpoint_requirement.h). What is not stored is for Submit to refuse.
Status CheckCheckpoints(const recipe::Recipe& recipe, const std::string& name,
                        const SubmitCommand& command, const StoredArtifacts& stored) {
  const auto read =
      [&](const model::CheckpointRequirement& given) -> Result<std::optional<merge::Parent>> {
    const auto artifact = Reads(command.dag, given)
                              ? StoredOf(command, given.source, given.checkpoint, stored)
                              : std::nullopt;
    if (!artifact.has_value()) return std::optional<merge::Parent>();
    BRAID_ASSIGN_OR_RETURN(merge::Parent parent,
                           stored.ReadCheckpoint(given.model(), *artifact, given.moments));
    return std::optional<merge::Parent>(std::move(parent));
  };
  return merge::CheckRequirements(recipe::CheckpointRequirements(recipe), name,
                                  TokenizerOf(command, stored), read);
}

}  // namespace

Result<SubmitCommand> CommandOf(const Submission& submission, const StoredArtifacts& stored) {
  const std::string name = submission.recipe_name.empty() ? "recipe.yaml" : submission.recipe_name;
  // What the submitter's check finds without files is found here in the same words.
  BRAID_ASSIGN_OR_RETURN(
      const submit::RecipeCheck check,
      submit::CheckRecipe(submission.recipe, name, submission.only, submission.known));
  BRAID_RETURN_IF_ERROR(check.status());
  BRAID_RETURN_IF_ERROR(CheckSources(submission, check.dag));
  SubmitCommand command;
  command.dag = check.dag;
  command.only = submission.only;
  command.recipe = submission.recipe;
  command.priority = submission.priority.value_or(check.recipe->priority);
  command.preempts = check.recipe->preempt;
  command.user = submission.user;
  command.tags = check.recipe->tags;
  command.tags.insert(command.tags.end(), submission.tags.begin(), submission.tags.end());
  command.sources = submission.sources;
  BRAID_RETURN_IF_ERROR(CheckCheckpoints(*check.recipe, name, command, stored));
  return command;
}

}  // namespace braid::coordinator
