// `arch` of a recipe, of one of its models, or of a composite.
#pragma once

#include "model/spec.h"
#include "recipe/parse/yaml_reader.h"

namespace braid::recipe {

// Reads what the section sets over *arch. Keys it does not have are errors.
void ReadArchSection(YamlMap& section, model::Arch* arch);

// `arch` of one model, over that of the recipe. Its table of positions must hold `sequence`. A
// dense model has no router whose noise could be set.
void ReadModelArch(YamlMap& model, bool dense, int64_t sequence, model::Arch* arch);

// `arch` of a composite. Its blocks are those of its paths, so only A4 and A5 can be set here.
void ReadCompositeArch(YamlMap& composite, int64_t sequence, model::Arch* arch);

}  // namespace braid::recipe
