// The reader of recipes: YAML in, a checked recipe with every default filled in out.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// `name` is the file's name, for messages. Errors are kInvalidArgument with reason INVALID_RECIPE:
// "recipe.yaml:12:5: paths.0.heads: 3 heads do not divide width 64", one a line.
Result<Recipe> ParseRecipe(std::string_view text, const std::string& name);

// The text of a `joint` section alone, over the corrected defaults: the joint phase of a merge
// without a recipe. Errors as those of ParseRecipe.
Result<Joint> ParseJoint(std::string_view text, const std::string& name);

}  // namespace braid::recipe
