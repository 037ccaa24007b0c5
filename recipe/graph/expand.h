// From a recipe to its graph of jobs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// What the submitter knows of its files; all of it may be missing.
struct Known {
  int64_t vocab = 0;                      // rows of a model with the recipe's tokenizer file
  std::map<std::string, int64_t> tokens;  // of each corpus after sampling, validation documents
                                          // included; estimated
};

// Pure. kInvalidArgument if models cannot be built (the recipe's checks leave little).
Result<Dag> Expand(const Recipe& recipe, const Known& known = {});

// The jobs named in `only` and everything they need, in order. kNotFound names a job that is none,
// and the nearest.
Result<Dag> Only(const Dag& dag, const std::vector<std::string>& only);

}  // namespace braid::recipe
