// The training settings of a recipe: `train`, `joint`, and the `train` of a single model.
#pragma once

#include <string>

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// Reads the settings that stand in `node` over those in `train`. Impossible values are errors with
// their place.
void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      spec::Train* train);

// `joint`, or the `joint` of one composite, over what stands in *joint.
void ReadJointSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      Joint* joint);

// Resets the warm-up that a joint phase with `lr_schedule: continue` inherited from `train`: it is
// meant for networks that start from scratch. Called when all settings of the phase have been read.
void DropInheritedWarmup(Joint* joint);

}  // namespace braid::recipe
