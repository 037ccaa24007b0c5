// A recipe on this machine: its text, its graph, and the local files it names.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "cli/client.h"
#include "recipe/dag.h"
#include "recipe/recipe.h"

namespace braid::cli {

struct RecipeFile {
  std::string path;
  std::string folder;   // relative files are found from here
  recipe::Recipe recipe;
  recipe::Dag dag;      // of the jobs asked for
};

// `path` may be "-": standard input. Every source file must exist: errors name it and its line in the recipe.
Result<RecipeFile> LoadRecipe(const std::string& path, const std::vector<std::string>& only);

// The files of a source: path in the artifact -> path here.
Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file, const recipe::Source& source);

// Makes artifacts of all sources; name of the source -> artifact id.
Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file);

}  // namespace braid::cli
