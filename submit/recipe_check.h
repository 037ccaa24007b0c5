// The part of a recipe's check that needs none of its files, and that the coordinator repeats.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/graph/expand.h"
#include "recipe/recipe.h"
#include "submit/finding.h"

namespace braid::submit {

// The result of the check.
struct RecipeCheck {
  // Absent if the text is not a valid recipe.
  std::optional<recipe::Recipe> recipe;
  // The graph of the selected jobs; empty if the recipe is wrong.
  recipe::Dag dag;
  // If none of them is an error, `dag` is valid.
  std::vector<Finding> findings;

  // The errors among the findings, as one error; OK if there are none.
  Status status() const { return StatusOf(findings); }
};

// Parses `text`, which messages call `name`, and expands it to the graph of the jobs `only` and of
// those that they need (empty: all). `known` holds sizes of the recipe's files; settings that these
// make pointless are warnings. kNotFound names a job in `only` that the recipe does not have.
Result<RecipeCheck> CheckRecipe(std::string_view text, const std::string& name,
                                const std::vector<std::string>& only,
                                const recipe::Known& known = {});

// The warnings of a graph that was expanded with sizes: trainings that would not train.
std::vector<Finding> CautionsOf(const recipe::Dag& dag, const std::string& name);

// Checks sizes that a client sent: kInvalidArgument for a corpus that the recipe does not have and
// for impossible counts.
Status CheckKnown(const recipe::Recipe& recipe, const recipe::Known& known);

}  // namespace braid::submit
