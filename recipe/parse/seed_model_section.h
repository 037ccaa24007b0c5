// `seed_model` of a recipe: the model from which the paths begin.
#pragma once

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// The name of the model and of its job.
inline constexpr char kSeedModel[] = "seed_model";

// Whether a path begins with the seed model, if there is one: it has no weights of its own.
bool BeginsWithSeedModel(const Recipe& recipe, const Model& path);

// Reads `seed_model` of `root` if split.seed_model asks for one, and lets the paths begin with it.
// They must have one shape. REQUIRES: the paths are read.
void ReadSeedModel(YamlMap& root, Recipe* recipe);

}  // namespace braid::recipe
