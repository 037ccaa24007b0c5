// The checkpoints that a recipe names (`from`, `start`, `continue`, `base`), with what each must
// be.
#pragma once

#include <vector>

#include "model/checkpoint_requirement.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// All of them, in the order of the recipe. Whoever submits the recipe compares each checkpoint with
// its requirement.
std::vector<model::CheckpointRequirement> CheckpointRequirements(const Recipe& recipe);

}  // namespace braid::recipe
