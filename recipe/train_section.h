// The training settings of a recipe: `train`, `joint`, and the `train` of a single model.
#pragma once

#include <string>

#include "base/json.h"
#include "recipe/recipe.h"
#include "recipe/yaml_reader.h"

namespace braid::recipe {

// Reads the settings that stand in `map` over those in `train`. Impossible values are errors with their place.
void ReadTrainFields(YamlMap& map, Json* train);
void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors, Json* train);

// `joint`, or the `joint` of one composite, over what stands in *joint: the fields of `train`, and freeze_paths,
// carry_optimizer, lr_factor, ranks, slots and device.
void ReadJointSection(const YAML::Node& node, const std::string& path, YamlErrors& errors, Joint* joint);

}  // namespace braid::recipe
