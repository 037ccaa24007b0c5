// `evaluate` of a recipe.
#pragma once

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// REQUIRES: the models of *recipe are read already; prompts name their paths.
void ReadEvaluate(YamlMap& root, Recipe* recipe);

// The smallest rope_max_pos of all models; 0: no model has a limit.
int64_t FewestPositions(const Recipe& recipe);

}  // namespace braid::recipe
