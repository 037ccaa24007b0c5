// The training settings of a recipe: `train`, `joint`, and the `train` of a single model.
#pragma once

#include <string>

#include "base/json.h"
#include "recipe/yaml_reader.h"

namespace braid::recipe {

// `train` of docs/tasks.md with the paper's values (PaPaformer section 5, T1-T7 as corrected).
Json DefaultTrain();

// Reads the settings that stand in `map` over those in `train`. Impossible values are errors with their place.
void ReadTrainFields(YamlMap& map, Json* train);
void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors, Json* train);

}  // namespace braid::recipe
