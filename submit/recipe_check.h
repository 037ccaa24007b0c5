// What a recipe says without its files: the part of the check that the coordinator makes, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/graph/expand.h"
#include "recipe/recipe.h"
#include "submit/finding.h"

namespace braid::submit {

struct RecipeCheck {
  std::optional<recipe::Recipe> recipe;  // absent if the text is no recipe
  recipe::Dag dag;                       // of the jobs asked for; empty if there is none
  std::vector<Finding> findings;         // without an error `dag` is there

  Status status() const { return StatusOf(findings); }
};

// Reads `text`, which messages call `name`, and expands it to the graph of the jobs `only` and of
// what they need (empty: all). `known` are the sizes of its files; what they make unlikely is among
// the warnings. kNotFound names a job in `only` that the recipe does not have.
Result<RecipeCheck> CheckRecipe(std::string_view text, const std::string& name,
                                const std::vector<std::string>& only,
                                const recipe::Known& known = {});

// Warnings of a graph that was expanded with sizes: trainings that come to nothing.
std::vector<Finding> CautionsOf(const recipe::Dag& dag, const std::string& name);

// Sizes that somebody else names, against the recipe: kInvalidArgument for a corpus that it does
// not have and for counts that none has.
Status CheckKnown(const recipe::Recipe& recipe, const recipe::Known& known);

}  // namespace braid::submit
