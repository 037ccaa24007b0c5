#include "cli/recipe_file.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/command.h"
#include "merge/composite.h"
#include "recipe/expand.h"

namespace braid::cli {
namespace {

// Rough, for plans: English text in byte-level BPE.
constexpr double kBytesPerToken = 4.0;
constexpr double kCompression = 3.0;

std::string Resolve(const RecipeFile& file, const std::string& pattern) {
  return pattern.starts_with('/') ? pattern : JoinPath(file.folder, pattern);
}

bool Compressed(const std::string& path) {
  return path.ends_with(".gz") || path.ends_with(".zst") || path.ends_with(".zstd");
}

// Entries of a tokenizer.json and the pad row: the vocabulary of a model, as corpus/ counts it. 0 if it cannot be told.
int64_t VocabOf(const std::string& path) {
  const Result<Json> json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return 0;
  int64_t last = -1;
  const Json vocab = json->value("model", Json::object()).value("vocab", Json::object());
  for (const auto& [token, id] : vocab.items()) {
    if (id.is_number_integer()) last = std::max(last, id.get<int64_t>());
  }
  for (const Json& token : json->value("added_tokens", Json::array())) last = std::max(last, token.value("id", int64_t{-1}));
  return last + 2;
}

const recipe::Model* FindModel(const recipe::Recipe& recipe, const std::string& name) {
  if (const recipe::Model* path = recipe.FindPath(name)) return path;
  const auto found = std::find_if(recipe.baselines.begin(), recipe.baselines.end(), [&](const recipe::Model& model) { return model.name() == name; });
  return found == recipe.baselines.end() ? nullptr : &*found;
}

// A checkpoint that a path or baseline is, or begins with, must be of its shape: known before other paths are trained.
Status CheckTrainedBefore(const RecipeFile& file, const recipe::Source& source, const std::string& folder) {
  if (!source.name.starts_with("from.") && !source.name.starts_with("start.")) return OkStatus();
  const std::string name = source.name.substr(source.name.find('.') + 1);
  const recipe::Model* model = FindModel(file.recipe, name);
  if (model == nullptr || model->spec.kind != model::Kind::kDense) return OkStatus();
  const Result<merge::Parent> parent = merge::ReadParent(name, folder);
  const Status status = parent.ok() ? merge::CheckPath(*parent, model->spec.dense, model->spec.arch) : parent.status();
  if (status.ok()) return status;
  return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE", Format("%s:%d: ", file.path.c_str(), source.line) + folder + ": " + status.message());
}

// A Hugging Face directory says its model_type; a checkpoint of braid says its format.
bool IsHuggingFace(const std::string& folder) {
  const Result<Json> config = ReadJsonFile(JoinPath(folder, "config.json"));
  return config.ok() && config->is_object() && config->contains("model_type") && !config->contains("format");
}

recipe::Known Measure(const RecipeFile& file, const recipe::Dag& dag) {
  recipe::Known known;
  for (const recipe::Source& source : dag.sources) {
    const auto files = FilesOf(file, source);
    if (!files.ok()) continue;
    if (source.name == "tokenizer") known.vocab = VocabOf(files->begin()->second);
    if (!source.name.starts_with("source.")) continue;
    double bytes = 0;
    for (const auto& [name, path] : *files) {
      const Result<uint64_t> size = FileSize(path);
      if (size.ok()) bytes += static_cast<double>(*size) * (Compressed(path) ? kCompression : 1);
    }
    const std::string name = source.name.substr(7);
    const recipe::Corpus* corpus = file.recipe.FindCorpus(name);
    const double sample = corpus == nullptr ? 1 : corpus->spec.value("sample", 1.0);
    known.tokens[name] = static_cast<int64_t>(sample * bytes / kBytesPerToken);
  }
  return known;
}

}  // namespace

Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file, const recipe::Source& source) {
  std::map<std::string, std::string> files;
  const auto fail = [&](const std::string& message) {
    return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE", Format("%s:%d: ", file.path.c_str(), source.line) + message);
  };
  if (source.folders) {
    const std::string folder = Resolve(file, source.files.front());
    if (source.kind == "checkpoint" && !PathExists(JoinPath(folder, "config.json"))) {
      return fail(source.name.substr(0, source.name.find('.')) + ": " + folder +
                  " is neither an artifact id nor a checkpoint folder (it has no config.json)");
    }
    if (!IsFolder(folder)) return fail(source.name + ": there is no folder " + folder);
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
    for (const std::string& path : paths) files[path] = JoinPath(folder, path);
    if (files.empty()) return fail(source.name + ": there are no files in " + folder);
    return files;
  }
  std::vector<std::string> found;
  for (const std::string& pattern : source.files) {
    const auto matches = Glob(Resolve(file, pattern));
    if (!matches.ok() || matches->empty()) return fail("no file matches " + Resolve(file, pattern));
    found.insert(found.end(), matches->begin(), matches->end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const std::string& path : found) {
    if (IsFolder(path)) return fail(path + " is a folder; name its files, with a pattern perhaps");
    std::string name(BaseName(path));
    // Two files of one name keep apart by their place in the list.
    if (files.contains(name)) name = std::to_string(files.size()) + "/" + name;
    files[name] = path;
  }
  return files;
}

Result<RecipeFile> LoadRecipe(const std::string& path, const std::vector<std::string>& only) {
  RecipeFile file;
  std::string text;
  if (path == "-") {
    file.path = "standard input";
    file.folder = ".";
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    file.path = path;
    file.folder = std::string(FolderOf(AbsolutePath(path)));
    BRAID_ASSIGN_OR_RETURN(text, ReadFile(path, uint64_t{16} << 20));
  }
  BRAID_ASSIGN_OR_RETURN(file.recipe, recipe::ParseRecipe(text, file.path));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag whole, recipe::Expand(file.recipe));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag blank, recipe::Only(whole, only));
  for (const recipe::Source& source : blank.sources) {
    BRAID_RETURN_IF_ERROR(FilesOf(file, source).status());
    const std::string folder = Resolve(file, source.files.front());
    if (source.kind == "checkpoint" && !IsHuggingFace(folder)) BRAID_RETURN_IF_ERROR(CheckTrainedBefore(file, source, folder));
  }
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag measured, recipe::Expand(file.recipe, Measure(file, blank)));
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(measured, only));
  return file;
}

namespace {

std::string Trainer() { return JoinPath(ProgramFolder(), "braid-trainer"); }

// `braid-trainer WORDS`, silent: standard output is for the run's id. What it says stands in the error, behind `what`.
Status RunSilently(const std::vector<std::string>& words, const std::string& work, const std::string& what) {
  ProcessOptions options;
  options.argv = {Trainer()};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  options.output = JoinPath(work, words.front() + ".log");
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal == 0 && process->exit().code == 0) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string log, ReadFile(options.output));
  return InvalidArgument(what + ": " + std::string(Trim(log)));
}

// `folder`, a Hugging Face Llama, as a checkpoint folder called `name` inside `work`.
Result<std::string> Import(const std::string& folder, const std::string& name, const std::string& work) {
  const std::string out = JoinPath(work, name);
  BRAID_RETURN_IF_ERROR(RunSilently({"import", folder, out, "--name", name}, work,
                                    folder + " is a Hugging Face directory and cannot be taken as path " + name));
  return out;
}

// The files of BLiMP and GLUE, which jobs would read after all training. Where there is no trainer they are not checked here.
Status CheckEvaluationFiles(const RecipeFile& file, const std::string& work) {
  std::vector<std::string> words = {"check"};
  for (const recipe::Source& source : file.dag.sources) {
    if (source.name != "blimp" && source.name != "glue" && source.name != "superglue") continue;
    words.insert(words.end(), {"--" + source.name, Resolve(file, source.files.front())});
  }
  if (words.size() == 1 || !PathExists(Trainer())) return OkStatus();
  if (const Json& blimp = file.recipe.evaluation.blimp; !blimp.is_null()) words.insert(words.end(), {"--pairs", blimp["pairs"].dump()});
  if (const Json& glue = file.recipe.evaluation.glue; !glue.is_null()) {
    const std::vector<std::string> tasks = glue["tasks"];
    words.insert(words.end(), {"--tasks", Join(tasks, ","), "--documents", glue["documents"].dump(), "--mnli", glue["mnli"].get<std::string>()});
  }
  return RunSilently(words, work, file.path + ": evaluate");
}

}  // namespace

Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file) {
  std::map<std::string, std::string> artifacts;
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_RETURN_IF_ERROR(CheckEvaluationFiles(file, work.path()));
  for (recipe::Source source : file.dag.sources) {
    if (source.kind == "checkpoint" && IsHuggingFace(Resolve(file, source.files.front()))) {
      const std::string folder = Resolve(file, source.files.front());
      BRAID_ASSIGN_OR_RETURN(source.files.front(), Import(folder, source.name.substr(source.name.find('.') + 1), work.path()));
      BRAID_RETURN_IF_ERROR(CheckTrainedBefore(file, source, source.files.front()));
    }
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    const Json metadata = source.kind == "checkpoint" ? Json::object() : Json{{"source", source.name}};
    BRAID_ASSIGN_OR_RETURN(const v1::Artifact artifact,
                           client.PutFiles(files, source.kind, metadata, source.name, TransferProgress("uploading " + source.name)));
    artifacts[source.name] = artifact.id();
  }
  return artifacts;
}

}  // namespace braid::cli
