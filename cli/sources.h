// What a recipe names on this machine: files and checkpoints, checked, imported and uploaded.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "cli/client.h"
#include "cli/recipe_file.h"
#include "recipe/dag.h"

namespace braid::cli {

// A file or pattern of the recipe as this machine finds it.
std::string Resolve(const RecipeFile& file, const std::string& pattern);

// The files of a source: path in the artifact -> path here. Every one must exist: errors name it
// and its line in the recipe.
Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file,
                                                   const recipe::Source& source);

// Local checkpoints against what the recipe says of them (merge/expected.h). Hugging Face folders
// are left out until they are imported, artifacts to the coordinator, and what `dag` does not read.
Status CheckLocalCheckpoints(const RecipeFile& file, const recipe::Dag& dag);

// Checks the content of what is uploaded and makes artifacts of all sources; name of the source ->
// artifact id.
Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file);

}  // namespace braid::cli
