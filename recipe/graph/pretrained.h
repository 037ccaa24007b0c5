// The checkpoints that a recipe is given (`from`, `start`, `base`), with what it says of them.
#pragma once

#include <vector>

#include "model/checkpoint_requirement.h"
#include "recipe/recipe.h"

namespace braid::recipe {

std::vector<model::CheckpointRequirement> CheckpointRequirements(const Recipe& recipe);

}  // namespace braid::recipe
