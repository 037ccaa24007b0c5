#include "cli/recipe_file.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "cli/sources.h"
#include "corpus/compression.h"
#include "corpus/tokenizer.h"
#include "recipe/expand.h"

namespace braid::cli {
namespace {

Status Refuse(const RecipeFile& file, int line, const std::string& message) {
  return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE",
                Format("%s:%d: ", file.path.c_str(), line) + message);
}

// Whether a source has a name that nothing answers to, and is not merely the wrong thing.
bool IsMissing(const RecipeFile& file, const recipe::Source& source) {
  return std::any_of(source.files.begin(), source.files.end(), [&](const std::string& pattern) {
    const std::string path = Resolve(file, pattern);
    if (source.folders) return !PathExists(path);
    const auto matches = Glob(path);
    return !matches.ok() || matches->empty();
  });
}

// The sources of `dag` that are here; the others are errors or noted.
Result<recipe::Dag> WithoutMissing(const recipe::Dag& dag, Missing missing, RecipeFile* file) {
  recipe::Dag here = dag;
  here.sources.clear();
  for (const recipe::Source& source : dag.sources) {
    const Status found = FilesOf(*file, source).status();
    if (found.ok()) {
      here.sources.push_back(source);
    } else if (missing == Missing::kListed && IsMissing(*file, source)) {
      file->missing.push_back(found.message());
    } else {
      return found;
    }
  }
  return here;
}

// Rows of a model with the recipe's tokenizer file: its entries and the pad.
Result<int64_t> VocabOf(const RecipeFile& file, const recipe::Source& source,
                        const std::string& path) {
  const auto tokenizer = corpus::Tokenizer::Load(path);
  if (!tokenizer.ok())
    return Refuse(file, source.line, "tokenizer.file: " + tokenizer.status().message());
  const int64_t entries = (*tokenizer)->entries(), said = file.recipe.tokenizer_entries;
  if (said > 0 && said != entries) {
    return Refuse(file, source.line,
                  Format("tokenizer.vocab: the recipe says %lld, but %s has %lld entries",
                         (long long)said, path.c_str(), (long long)entries));
  }
  return (*tokenizer)->vocab();
}

// The sizes of files of one source.
recipe::TextSize SizeOf(const std::map<std::string, std::string>& files) {
  recipe::TextSize size;
  for (const auto& [name, path] : files) {
    const Result<uint64_t> bytes = FileSize(path);
    if (!bytes.ok()) continue;
    const bool compressed = corpus::CompressionOfFile(path) != corpus::Compression::kNone;
    ++size.files;
    size.bytes += static_cast<int64_t>(*bytes);
    size.compressed = size.compressed || compressed;
    size.text_bytes += static_cast<double>(*bytes) * (compressed ? recipe::kCompression : 1);
  }
  return size;
}

Result<recipe::Known> Measure(const RecipeFile& file, const recipe::Dag& here) {
  recipe::Known known;
  for (const recipe::Source& source : here.sources) {
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    if (source.name == "tokenizer") {
      BRAID_ASSIGN_OR_RETURN(known.vocab, VocabOf(file, source, files.begin()->second));
    }
    if (!source.name.starts_with("source.")) continue;
    const std::string name = source.name.substr(7);
    known.tokens[name] = recipe::EstimateTokens(*file.recipe.FindCorpus(name), SizeOf(files));
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
    sizes[source.name] = SizeOf(*files);
  }
  return sizes;
}

}  // namespace

Result<RecipeFile> LoadRecipe(const std::string& path, const std::vector<std::string>& only,
                              Missing missing) {
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
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag here, WithoutMissing(blank, missing, &file));
  BRAID_RETURN_IF_ERROR(CheckLocalCheckpoints(file, here));
  BRAID_ASSIGN_OR_RETURN(const recipe::Known known, Measure(file, here));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag measured, recipe::Expand(file.recipe, known));
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(measured, only));
  file.short_text = recipe::FindShortText(file.recipe, file.dag, TextSizes(file, file.dag));
  return file;
}

std::vector<std::string> WarningsOf(const RecipeFile& file) {
  std::vector<std::string> lines;
  for (const recipe::Caution& caution : file.dag.cautions)
    lines.push_back(caution.job + ": " + caution.text);
  for (const recipe::ShortText& text : file.short_text)
    lines.push_back(Format("%s:%d: ", file.path.c_str(), text.line) + text.message);
  return lines;
}

}  // namespace braid::cli
