#include "submit/checkpoints.h"

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "corpus/tokenizer.h"
#include "merge/checkpoint_requirement.h"
#include "merge/parent.h"
#include "recipe/graph/pretrained.h"
#include "storage/files/artifact_files.h"

namespace braid::submit {
namespace {

// The config.json of Hugging Face has a model_type; that of braid has a format.
bool IsHuggingFace(const std::string& folder) {
  const Result<Json> config = ReadJsonFile(JoinPath(folder, artifact_files::kConfig));
  return config.ok() && config->is_object() && config->contains("model_type") &&
         !config->contains("format");
}

// The digest of the recipe's tokenizer.json. Empty if the run trains a tokenizer, or if the file
// cannot be read, which other checks report.
std::string TokenizerOf(const RecipeFile& file) {
  const std::string& name = file.recipe.tokenizer_file;
  if (name.empty()) return "";
  // The job's output, in which another end of text is marked.
  const Result<std::string> text = corpus::ReadTokenizerText(Resolve(file, name),
                                                             file.recipe.tokenizer_end_of_text);
  return text.ok() ? Sha256Hex(*text) : "";
}

Finding FindingAt(const RecipeFile& file, const recipe::Source& source, const std::string& folder,
                  const std::string& message) {
  Finding finding;
  finding.recipe = file.path;
  finding.line = source.line;
  finding.field = FieldOf(file.recipe, source);
  finding.subject = folder;
  finding.message = message;
  return finding;
}

}  // namespace

std::vector<Finding> CheckCheckpoints(const RecipeFile& file,
                                      const std::vector<recipe::Source>& sources) {
  const auto source_of = [&](const model::CheckpointRequirement& given) {
    return std::find_if(sources.begin(), sources.end(), [&](const recipe::Source& source) {
      return source.name() == given.source;
    });
  };
  const auto read =
      [&](const model::CheckpointRequirement& given) -> Result<std::optional<merge::Parent>> {
    const auto source = source_of(given);
    if (source == sources.end()) return std::optional<merge::Parent>();
    const std::string folder = Resolve(file, source->files.front());
    if (IsHuggingFace(folder)) return std::optional<merge::Parent>();
    BRAID_ASSIGN_OR_RETURN(merge::Parent parent,
                           merge::ReadParent(given.model(), folder, given.moments));
    return std::optional<merge::Parent>(std::move(parent));
  };
  const std::string tokenizer = TokenizerOf(file);
  const std::vector<model::CheckpointRequirement> all = recipe::CheckpointRequirements(file.recipe);
  const auto check = [&](const std::vector<model::CheckpointRequirement>& some) {
    return merge::CheckRequirements(some, file.path, tokenizer, read);
  };
  std::vector<Finding> findings;
  for (const model::CheckpointRequirement& given : all) {
    for (Finding finding : FindingsOf(check({given}), file.path)) {
      if (const auto source = source_of(given); source != sources.end()) {
        finding.field = FieldOf(file.recipe, *source);
        finding.subject = Resolve(file, source->files.front());
      }
      findings.push_back(std::move(finding));
    }
  }
  // Each checkpoint is right by itself; together they must also have the same tokenizer. That check
  // is left out if there are findings, which it would repeat.
  return findings.empty() ? FindingsOf(check(all), file.path) : findings;
}

std::vector<Finding> ImportCheckpoints(const RecipeFile& file, const Tools& tools,
                                       std::vector<recipe::Source>* sources) {
  std::vector<Finding> findings;
  std::vector<recipe::Source> imported;
  for (recipe::Source& source : *sources) {
    const std::string folder = Resolve(file, source.files.front());
    if (source.artifact != task::ArtifactKind::kCheckpoint || !IsHuggingFace(folder)) continue;
    const std::string name = source.owner;
    const std::string out = JoinPath(tools.work, name);
    const Status status = RunTool(tools.trainer, {"import", folder, out, "--name", name},
                                  tools.work);
    if (!status.ok()) {
      findings.push_back(FindingAt(file, source, folder,
                                   folder + " is a Hugging Face directory and cannot be taken as " +
                                       "path " + name + ": " + status.message()));
      continue;
    }
    source.files.front() = out;
    imported.push_back(source);
  }
  if (!imported.empty() && findings.empty()) findings = CheckCheckpoints(file, *sources);
  return findings;
}

std::vector<Finding> CheckWeights(const RecipeFile& file,
                                  const std::vector<recipe::Source>& sources) {
  std::vector<Finding> findings;
  for (const recipe::Source& source : sources) {
    const std::string folder = Resolve(file, source.files.front());
    // A Hugging Face folder remains only if its import has failed, which was reported.
    if (source.artifact != task::ArtifactKind::kCheckpoint || IsHuggingFace(folder)) continue;
    if (const Status status = merge::CheckFinite(folder); !status.ok())
      findings.push_back(FindingAt(file, source, folder, status.message()));
  }
  return findings;
}

}  // namespace braid::submit
