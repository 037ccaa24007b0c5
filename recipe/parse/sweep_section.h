// `seeds` and `sweep` of a recipe, and the recipes that their variants are.
#pragma once

#include <yaml-cpp/yaml.h>

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"
#include "recipe/sweep.h"

namespace braid::recipe {

// Reads both; empty if the recipe has neither. What does not depend on other sections is checked:
// that fields exist, that there are values, how many variants there are.
Sweep ReadSweep(const YAML::Node& document, YamlErrors& errors);

// Checks that `recipe` trains the models that a sweep by successive halving compares.
void CheckCompared(const YAML::Node& document, const Sweep& sweep, const Recipe& recipe,
                   YamlErrors& errors);

// The document with the values of one variant in the place of what it says itself. The values are
// those of `sweep.over` with their places, so that whoever reads the result reports what is wrong
// with one where the user wrote it. The seed is not a part of it. REQUIRES: `values` are of the
// sweep that was read from `document`.
YAML::Node DocumentOf(const YAML::Node& document, const Sweep& sweep, const SweptValues& values,
                      YamlErrors& errors);

}  // namespace braid::recipe
