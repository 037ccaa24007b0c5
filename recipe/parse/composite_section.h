// Composites in a recipe: how paths are laid side by side and connected
// (docs/papers/papaformer.md#s2, #s10).
#pragma once

#include <string>

#include "recipe/parse/yaml_reader.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// A spec with the recipe-wide settings of models. The vocabulary is not set, since the tokenizer
// decides it.
model::ModelSpec BlankSpec(const Recipe& recipe, const std::string& name);

// connect, connect_init, router, residual, norm, cross, gate, scale, weights and large, of a
// composite whose paths stand in spec->paths already. `init` is the default of connect_init.
void ReadConnections(YamlMap& map, model::ConnectInit init, model::ModelSpec* spec);

// One item of `composites`.
Composite ReadComposite(const YAML::Node& node, const std::string& where, const Recipe& recipe,
                        YamlErrors& errors);

// `corpus` of a path: it must be one of the recipe's.
std::string ReadCorpusName(YamlMap& map, const Recipe& recipe);

}  // namespace braid::recipe
