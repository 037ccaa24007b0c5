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

// What a joint phase that continues has from `train` of a warm-up was for networks from scratch,
// and is taken back. Called when the settings of a phase are complete.
void DropInheritedWarmup(Joint* joint);

}  // namespace braid::recipe
