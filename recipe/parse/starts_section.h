// `start: auto` of a composite: several ways in which it may begin.
#pragma once

#include <string>
#include <vector>

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// One item of `composites`: one composite or, with `start: auto`, one for each start, called
// "c-slice", "c-share", ..., in the order of `starts`.
std::vector<Composite> ReadComposites(const YAML::Node& node, const std::string& where,
                                      const Recipe& recipe, YamlErrors& errors);

}  // namespace braid::recipe
