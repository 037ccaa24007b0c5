#include "cli/recipe_file.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "cli/sources.h"
#include "recipe/expand.h"

namespace braid::cli {
namespace {

// Rough, for plans: English text in byte-level BPE.
constexpr double kBytesPerToken = 4.0;
constexpr double kCompression = 3.0;

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

// Sizes of what corpora upload, by source.
std::map<std::string, recipe::TextSize> TextSizes(const RecipeFile& file, const recipe::Dag& dag) {
  std::map<std::string, recipe::TextSize> sizes;
  for (const recipe::Source& source : dag.sources) {
    if (!source.name.starts_with("source.") && !source.name.starts_with("validation.")) continue;
    const auto files = FilesOf(file, source);
    if (!files.ok()) continue;
    recipe::TextSize& size = sizes[source.name];
    double tokens = 0;
    for (const auto& [name, path] : *files) {
      const Result<uint64_t> bytes = FileSize(path);
      if (!bytes.ok()) continue;
      const bool compressed = Compressed(path);
      ++size.files;
      size.bytes += static_cast<int64_t>(*bytes);
      size.compressed = size.compressed || compressed;
      tokens += static_cast<double>(*bytes) * (compressed ? kCompression : 1) / kBytesPerToken;
    }
    size.tokens = static_cast<int64_t>(tokens);
  }
  return sizes;
}

}  // namespace

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
  BRAID_RETURN_IF_ERROR(CheckLocalCheckpoints(file, blank));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag measured, recipe::Expand(file.recipe, Measure(file, blank)));
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(measured, only));
  file.short_text = recipe::FindShortText(file.recipe, file.dag, TextSizes(file, file.dag));
  return file;
}

}  // namespace braid::cli
