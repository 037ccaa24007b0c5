#include "submit/load.h"

#include <iostream>

#include "base/file.h"
#include "submit/checkpoints.h"
#include "submit/recipe_check.h"
#include "submit/remote_sources.h"
#include "submit/sizes.h"

namespace braid::submit {
namespace {

// A recipe is one message to the coordinator and one row of its catalog.
constexpr uint64_t kMaxRecipeBytes = uint64_t{16} << 20;

// Returns the text, and sets `path` and `folder` of `file`.
Result<std::string> ReadRecipe(const std::string& path, RecipeFile* file) {
  if (path == "-") {
    file->path = "standard input";
    file->folder = ".";
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  file->path = path;
  file->folder = std::string(FolderOf(AbsolutePath(path)));
  return ReadFile(path, kMaxRecipeBytes);
}

// Returns the sources whose files exist; the others become findings.
std::vector<recipe::Source> FindSources(const RecipeFile& file, std::vector<Finding>* findings) {
  std::vector<recipe::Source> here;
  for (const recipe::Source& source : file.dag.sources) {
    const Status found = FilesOf(file, source).status();
    if (found.ok()) {
      here.push_back(source);
      continue;
    }
    Finding finding = FindingsOf(found, file.path).front();
    finding.field = FieldOf(file.recipe, source);
    finding.subject = Resolve(file, source.files.front());
    finding.missing = IsMissing(file, source);
    findings->push_back(std::move(finding));
  }
  return here;
}

void Append(std::vector<Finding> more, std::vector<Finding>* findings) {
  findings->insert(findings->end(), std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
}

}  // namespace

Result<Loaded> LoadRecipe(const std::string& path, const std::vector<std::string>& only) {
  Loaded loaded;
  RecipeFile& file = loaded.file;
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadRecipe(path, &file));
  BRAID_ASSIGN_OR_RETURN(RecipeCheck blank, CheckRecipe(text, file.path, only));
  loaded.findings = std::move(blank.findings);
  if (HasErrors(loaded.findings)) return loaded;
  // The warnings are computed again below, with the sizes of the files.
  loaded.findings.clear();
  file.recipe = std::move(*blank.recipe);
  file.dag = std::move(blank.dag);

  recipe::Dag here = file.dag;
  here.sources = FindSources(file, &loaded.findings);
  Append(LookAtRemoteFiles(&file), &loaded.findings);
  std::erase_if(here.sources, [&](const recipe::Source& source) {
    return NamesRemoteFiles(source) && RemoteFilesOf(file, source).empty();
  });
  Append(CheckCheckpoints(file, here.sources), &loaded.findings);
  file.text_sizes = TextSizesOf(file, here);
  file.known = KnownOf(file, here, &loaded.findings);
  const auto measured = recipe::Expand(file.recipe, file.known);
  if (!measured.ok()) {
    Append(FindingsOf(measured.status(), file.path), &loaded.findings);
    return loaded;
  }
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(*measured, only));
  loaded.planned = true;
  Append(CautionsOf(file.dag, file.path), &loaded.findings);
  SortByPlace(&loaded.findings);
  return loaded;
}

}  // namespace braid::submit
