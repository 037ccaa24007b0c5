// Many graphs as one: the variants of a recipe with `seeds` or `sweep`, in which what is equal is
// done once.
#pragma once

#include <vector>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// `graphs` are those of recipe.variants, in their order. Jobs with the same task, demands and
// inputs are one job of the result. A job that all variants share keeps its name; the others have
// those of their values behind it that say which they are: "dense-lr_3e-3-seed_1". One report tells
// of all variants. kInvalidArgument if variants read different files under one name.
Result<Dag> Share(const Recipe& recipe, std::vector<Dag> graphs);

}  // namespace braid::recipe
