#include "cli/recipe_file.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/command.h"
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
  for (const recipe::Source& source : blank.sources) BRAID_RETURN_IF_ERROR(FilesOf(file, source).status());
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag measured, recipe::Expand(file.recipe, Measure(file, blank)));
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(measured, only));
  return file;
}

namespace {

// A Hugging Face directory says its model_type; a checkpoint of braid says its format.
bool IsHuggingFace(const std::string& folder) {
  const Result<Json> config = ReadJsonFile(JoinPath(folder, "config.json"));
  return config.ok() && config->is_object() && config->contains("model_type") && !config->contains("format");
}

// `folder`, a Hugging Face Llama, as a checkpoint folder called `name` inside `work`. What the import says stands in the error.
Result<std::string> Import(const std::string& folder, const std::string& name, const std::string& work) {
  const std::string out = JoinPath(work, name);
  ProcessOptions options;
  options.argv = {JoinPath(ProgramFolder(), "braid-trainer"), "import", folder, out, "--name", name};
  options.output = JoinPath(work, "import.log");  // standard output is for the run's id
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal == 0 && process->exit().code == 0) return out;
  BRAID_ASSIGN_OR_RETURN(const std::string log, ReadFile(options.output));
  return InvalidArgument(folder + " is a Hugging Face directory and cannot be taken as path " + name + ": " + std::string(Trim(log)));
}

}  // namespace

Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file) {
  std::map<std::string, std::string> artifacts;
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  for (recipe::Source source : file.dag.sources) {
    if (source.kind == "checkpoint" && IsHuggingFace(Resolve(file, source.files.front()))) {
      BRAID_ASSIGN_OR_RETURN(source.files.front(), Import(Resolve(file, source.files.front()),
                                                          source.name.substr(source.name.find('.') + 1), work.path()));
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
