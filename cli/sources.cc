#include "cli/sources.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/glob.h"
#include "base/links.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/command.h"
#include "merge/expected.h"
#include "merge/parent.h"
#include "recipe/evaluate_section.h"
#include "recipe/given.h"

namespace braid::cli {
namespace {

// A Hugging Face directory says its model_type; a checkpoint of braid says its format.
bool IsHuggingFace(const std::string& folder) {
  const Result<Json> config = ReadJsonFile(JoinPath(folder, "config.json"));
  return config.ok() && config->is_object() && config->contains("model_type") &&
         !config->contains("format");
}

// The digest of the recipe's tokenizer.json; empty if the run trains one, or if the jobs asked for
// do without it and it is not here.
Result<std::string> TokenizerOf(const RecipeFile& file) {
  const std::string path = file.recipe.tokenizer_file.empty()
                               ? ""
                               : Resolve(file, file.recipe.tokenizer_file);
  return PathExists(path) ? Sha256File(path) : Result<std::string>(std::string());
}

// `folders`: those that stand for others, by source: what was imported.
Status CheckCheckpoints(const RecipeFile& file, const recipe::Dag& dag,
                        const std::map<std::string, std::string>& folders) {
  const auto read = [&](const model::Expected& given) -> Result<std::optional<merge::Parent>> {
    const bool wanted = std::any_of(
        dag.sources.begin(), dag.sources.end(),
        [&](const recipe::Source& one) { return one.name == given.source; });
    if (!wanted) return std::optional<merge::Parent>();
    const auto imported = folders.find(given.source);
    const std::string folder = imported != folders.end() ? imported->second
                                                         : Resolve(file, given.checkpoint);
    if (IsHuggingFace(folder)) return std::optional<merge::Parent>();
    BRAID_ASSIGN_OR_RETURN(merge::Parent parent,
                           merge::ReadParent(given.model(), folder, given.moments));
    return std::optional<merge::Parent>(std::move(parent));
  };
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer, TokenizerOf(file));
  return merge::CheckExpected(recipe::GivenOf(file.recipe), file.path, tokenizer, read);
}

}  // namespace

namespace {

constexpr size_t kShownPath = 400;

// Sources that are one file, by its name and no pattern: jobs look for it by that name.
bool IsOneFile(const recipe::Source& source) {
  return source.name == "tokenizer" || source.name == "prompts";
}

Result<std::vector<std::string>> OneFile(const RecipeFile& file, const std::string& name) {
  const std::string path = Resolve(file, name);
  const Status there = CheckPath(path);
  if (there.ok()) return std::vector<std::string>{path};
  return there.message().starts_with(path + " is")
             ? there
             : NotFound("there is no file " + Excerpt(path, kShownPath));
}

// How the recipe writes a path that was found from its folder.
std::string AsWritten(const RecipeFile& file, const std::string& path) {
  const std::string before = JoinPath(file.folder, "");
  return path.starts_with(before + "/") ? path.substr(before.size() + 1) : path;
}

}  // namespace

std::string Resolve(const RecipeFile& file, const std::string& pattern) {
  return pattern.starts_with('/') ? pattern : JoinPath(file.folder, pattern);
}

Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file,
                                                   const recipe::Source& source) {
  std::map<std::string, std::string> files;
  const auto fail = [&](const std::string& message) {
    return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE",
                  Format("%s:%d: ", file.path.c_str(), source.line) + message);
  };
  if (source.folders) {
    const std::string folder = Resolve(file, source.files.front());
    const auto leads_nowhere = [](const std::string& path) {
      const Status status = CheckPath(path);
      return status.code() != StatusCode::kOk && status.message().starts_with(path + " is a link")
                 ? status
                 : OkStatus();
    };
    for (const std::string& path : {folder, JoinPath(folder, "config.json")}) {
      if (const Status status = leads_nowhere(path); !status.ok())
        return fail(source.name + ": " + status.message());
    }
    if (source.kind == "checkpoint" && !PathExists(JoinPath(folder, "config.json"))) {
      return fail(source.name.substr(0, source.name.find('.')) + ": " +
                  Excerpt(folder, kShownPath) +
                  " is neither an artifact id nor a checkpoint folder (it has no config.json)" +
                  (IsFolder(JoinPath(folder, "snapshots"))
                       ? "; it is a cache of Hugging Face: name the folder below its snapshots"
                       : ""));
    }
    if (!IsFolder(folder))
      return fail(source.name + ": there is no folder " + Excerpt(folder, kShownPath));
    const Result<std::vector<std::string>> paths = ListTree(folder);
    if (!paths.ok()) return fail(source.name + ": " + paths.status().message());
    for (const std::string& path : *paths) files[path] = JoinPath(folder, path);
    if (files.empty()) return fail(source.name + ": there are no files in " + folder);
    return files;
  }
  std::vector<std::string> found;
  for (const std::string& pattern : source.files) {
    const auto matches = IsOneFile(source) ? OneFile(file, pattern) : Glob(file.folder, pattern);
    if (!matches.ok()) return fail(matches.status().message());
    found.insert(found.end(), matches->begin(), matches->end());
  }
  SortAndDropRepeated(&found);
  for (const std::string& path : found) {
    if (IsFolder(path)) return fail(path + " is a folder; name its files, with a pattern perhaps");
    if (const Status status = CheckPath(path); !status.ok())
      return fail(source.name + ": " + status.message());
    std::string name(BaseName(path));
    // Two files of one name keep apart by their place in the list.
    if (files.contains(name)) name = std::to_string(files.size()) + "/" + name;
    files[name] = path;
  }
  return files;
}

Status CheckLocalCheckpoints(const RecipeFile& file, const recipe::Dag& dag) {
  return CheckCheckpoints(file, dag, {});
}

namespace {

std::string Trainer() {
  return JoinPath(ProgramFolder(), "braid-trainer");
}
std::string Prepare() {
  return JoinPath(ProgramFolder(), "braid-prepare");
}

// `PROGRAM WORDS`, silent: standard output is for the run's id. What it says stands in the error,
// behind `what`.
Status RunSilently(const std::string& program, const std::vector<std::string>& words,
                   const std::string& work, const std::string& what) {
  ProcessOptions options;
  options.argv = {program};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  options.output = JoinPath(work, words.front() + ".log");
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal == 0 && process->exit().code == 0) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string log, ReadFile(options.output));
  return InvalidArgument(what + ": " + std::string(Trim(log)));
}

// `folder`, a Hugging Face Llama, as a checkpoint folder called `name` inside `work`.
Result<std::string> Import(const std::string& folder, const std::string& name,
                           const std::string& work) {
  const std::string out = JoinPath(work, name);
  BRAID_RETURN_IF_ERROR(
      RunSilently(Trainer(), {"import", folder, out, "--name", name}, work,
                  folder + " is a Hugging Face directory and cannot be taken as path " + name));
  return out;
}

// All prompts of the recipe, with the positions that they must fit; empty if there are none, or if
// none is read by a job asked for.
Result<Json> PromptsOf(const RecipeFile& file) {
  const recipe::Evaluation& evaluation = file.recipe.evaluation;
  const bool evaluates = std::any_of(
      file.dag.jobs.begin(), file.dag.jobs.end(),
      [](const recipe::JobNode& job) { return job.kind == "evaluate"; });
  Json prompts = Json::object();
  if (!evaluates) return prompts;
  if (!evaluation.generate.is_null()) {
    prompts["tokens"] = evaluation.generate["tokens"];
    prompts["prompts"] = evaluation.generate.value("prompts", Json::array());
    if (!evaluation.prompts.empty())
      prompts["file"] = Resolve(file, evaluation.prompts.paths.front());
  }
  for (const recipe::RoutingPrompt& prompt : evaluation.routing.prompts)
    prompts["routing"].push_back(prompt.text);
  if (!prompts.empty()) prompts["positions"] = recipe::FewestPositions(file.recipe);
  return prompts;
}

// The first document of every file that corpora upload: a field that is not there is known before
// anything is trained.
Status CheckCorpora(const RecipeFile& file, const std::string& work) {
  Json corpora = Json::array();
  for (const recipe::Source& source : file.dag.sources) {
    if (!source.name.starts_with("source.") && !source.name.starts_with("validation.")) continue;
    const recipe::Corpus* corpus = file.recipe.FindCorpus(
        source.name.substr(source.name.find('.') + 1));
    if (corpus == nullptr) continue;
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    std::vector<std::string> paths;
    for (const auto& [name, path] : files) paths.push_back(path);
    corpora.push_back({{"corpus", corpus->spec},
                       {"files", paths},
                       {"part", source.name.starts_with("validation.")}});
  }
  if (corpora.empty() || !PathExists(Prepare())) return OkStatus();
  const std::string path = JoinPath(work, "corpora.json");
  BRAID_RETURN_IF_ERROR(WriteJsonFile(path, corpora));
  return RunSilently(Prepare(), {"check", path}, work, file.path);
}

// The file itself, whatever names and links lead to it.
std::string Canonical(const std::string& path) {
  std::error_code error;
  const std::string canonical = std::filesystem::canonical(path, error).string();
  return error ? path : canonical;
}

// What a corpus sets aside must not be among what it is trained on.
Status CheckValidationFiles(const RecipeFile& file) {
  for (const recipe::Source& source : file.dag.sources) {
    if (!source.name.starts_with("validation.")) continue;
    const std::string corpus = source.name.substr(source.name.find('.') + 1);
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    std::set<std::string> aside;
    for (const auto& [name, path] : files) aside.insert(Canonical(path));
    for (const recipe::Source& other : file.dag.sources) {
      if (other.name != "source." + corpus) continue;
      BRAID_ASSIGN_OR_RETURN(const auto trained, FilesOf(file, other));
      for (const auto& [name, path] : trained) {
        if (!aside.contains(Canonical(path))) continue;
        return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE",
                      Format("%s:%d: corpora.", file.path.c_str(), source.line) + corpus + ": " +
                          path +
                          " is among its files and its validation files; what is set aside is not "
                          "trained on");
      }
    }
  }
  return OkStatus();
}

// The files of BLiMP and GLUE, which jobs would read after all training. Where there is no trainer
// they are not checked here.
Status CheckEvaluationFiles(const RecipeFile& file, const std::string& work) {
  std::vector<std::string> words = {"check"};
  for (const recipe::Source& source : file.dag.sources) {
    if (source.name == "tagged") {
      BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
      std::vector<std::string> paths;
      for (const auto& [name, path] : files) paths.push_back(path);
      words.insert(words.end(), {"--tagged", Join(paths, ",")});
    }
    if (source.name != "blimp" && source.name != "glue" && source.name != "superglue") continue;
    words.insert(words.end(), {"--" + source.name, Resolve(file, source.files.front())});
  }
  BRAID_ASSIGN_OR_RETURN(const Json prompts, PromptsOf(file));
  if (!prompts.empty()) {
    const std::string path = JoinPath(work, "prompts.json");
    BRAID_RETURN_IF_ERROR(WriteJsonFile(path, prompts));
    words.insert(words.end(), {"--prompts", path});
    if (const std::string& name = file.recipe.tokenizer_file;
        !name.empty() && PathExists(Resolve(file, name)))
      words.insert(words.end(), {"--tokenizer", Resolve(file, file.recipe.tokenizer_file)});
  }
  if (words.size() == 1 || !PathExists(Trainer())) return OkStatus();
  if (const Json& blimp = file.recipe.evaluation.blimp; !blimp.is_null())
    words.insert(words.end(), {"--pairs", blimp["pairs"].dump()});
  if (const Json& glue = file.recipe.evaluation.glue; !glue.is_null()) {
    const std::vector<std::string> tasks = glue["tasks"];
    words.insert(words.end(), {"--tasks", Join(tasks, ","), "--documents", glue["documents"].dump(),
                               "--mnli", glue["mnli"].get<std::string>()});
  }
  return RunSilently(Trainer(), words, work, file.path + ": evaluate");
}

// Hugging Face folders become checkpoint folders, which are checked like the others.
Status ImportAll(const RecipeFile& file, const std::string& work,
                 std::vector<recipe::Source>* sources) {
  std::map<std::string, std::string> imported;
  for (recipe::Source& source : *sources) {
    const std::string folder = Resolve(file, source.files.front());
    if (source.kind != "checkpoint" || !IsHuggingFace(folder)) continue;
    BRAID_ASSIGN_OR_RETURN(source.files.front(),
                           Import(folder, source.name.substr(source.name.find('.') + 1), work));
    imported[source.name] = source.files.front();
  }
  return imported.empty() ? OkStatus() : CheckCheckpoints(file, file.dag, imported);
}

// What is said of an uploaded source: its name, and of corpora what the recipe calls each file, for
// messages about it.
Json MetadataOf(const RecipeFile& file, const recipe::Source& source,
                const std::map<std::string, std::string>& files) {
  Json metadata = {{"source", source.name}};
  if (source.folders || IsOneFile(source)) return metadata;
  // Most stand in one folder under their own names; only others are listed.
  const std::string folder = FolderOf(AsWritten(file, files.begin()->second));
  if (folder != ".") metadata["folder"] = Excerpt(folder, kShownPath);
  for (const auto& [name, path] : files) {
    const std::string written = AsWritten(file, path);
    if (written != (folder == "." ? name : JoinPath(folder, name)))
      metadata["files"][name] = Excerpt(written, kShownPath);
  }
  return metadata;
}

}  // namespace

Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file) {
  std::map<std::string, std::string> artifacts;
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_RETURN_IF_ERROR(CheckValidationFiles(file));
  BRAID_RETURN_IF_ERROR(CheckCorpora(file, work.path()));
  BRAID_RETURN_IF_ERROR(CheckEvaluationFiles(file, work.path()));
  std::vector<recipe::Source> sources = file.dag.sources;
  BRAID_RETURN_IF_ERROR(ImportAll(file, work.path(), &sources));
  for (const recipe::Source& source : sources) {
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    if (source.kind == "checkpoint")
      BRAID_RETURN_IF_ERROR(merge::CheckFinite(Resolve(file, source.files.front())));
    const Json metadata = source.kind == "checkpoint" ? Json::object()
                                                      : MetadataOf(file, source, files);
    BRAID_ASSIGN_OR_RETURN(const v1::Artifact artifact,
                           client.PutFiles(files, source.kind, metadata, source.name,
                                           TransferProgress("uploading " + source.name)));
    artifacts[source.name] = artifact.id();
  }
  return artifacts;
}

}  // namespace braid::cli
