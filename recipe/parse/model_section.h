// Paths and baselines in a recipe.
#pragma once

#include <string>

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// One item of `paths`.
Model ReadPath(const YAML::Node& node, const std::string& where, const Recipe& recipe,
               YamlErrors& errors);

// One item of `baselines`: a dense model, or, with `paths`, a composite that is trained from
// scratch.
Model ReadBaseline(const YAML::Node& node, const std::string& where, const Recipe& recipe,
                   YamlErrors& errors);

}  // namespace braid::recipe
