// Expands a recipe to its graph of jobs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// What the submitter knows about the recipe's files; all of it may be missing.
struct Known {
  // Rows of embedding and head with the recipe's tokenizer file; 0 if unknown.
  int64_t vocab = 0;
  // Estimated tokens of each corpus after sampling, held-out documents included.
  std::map<std::string, int64_t> tokens;
};

// Expands the recipe; a pure function. kInvalidArgument if a model cannot be built, which the
// recipe's own checks rarely leave to this function.
Result<Dag> Expand(const Recipe& recipe, const Known& known = {});

}  // namespace braid::recipe
