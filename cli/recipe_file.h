// A recipe on this machine: its text and its graph.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "recipe/dag.h"
#include "recipe/recipe.h"
#include "recipe/set_aside.h"

namespace braid::cli {

struct RecipeFile {
  std::string path;
  std::string folder;  // relative files are found from here
  recipe::Recipe recipe;
  recipe::Dag dag;                   // of the jobs asked for
  std::vector<std::string> missing;  // sources that are not here, a line each as an error would
                                     // name them
  std::vector<recipe::ShortText> short_text;  // corpora that set aside too little
};

// What is no error and is likely not meant, a line each: for `plan` and `submit`.
std::vector<std::string> WarningsOf(const RecipeFile& file);

// Whether sources that are not here are errors, or end up in `missing`: a plan does without them.
enum class Missing { kRefused, kListed };

// `path` may be "-": standard input. Every source file must exist: errors name it and its line in
// the recipe. The tokenizer, if it is a file, must be one that braid reads.
Result<RecipeFile> LoadRecipe(const std::string& path, const std::vector<std::string>& only,
                              Missing missing = Missing::kRefused);

}  // namespace braid::cli
