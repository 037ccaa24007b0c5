// `evaluate: [dual: {interventions: [...]}]` of a recipe.
#pragma once

#include <string>

#include "base/json.h"
#include "recipe/parse/yaml_reader.h"

namespace braid::recipe {

// One intervention, as in `dual` of docs/tasks.md. `tagged`: some text has parts of speech.
Json ReadIntervention(const YAML::Node& node, const std::string& where, bool tagged,
                      YamlErrors& errors);

}  // namespace braid::recipe
