// Stacks of blocks in a recipe: paths, dense baselines, large blocks, and the settings of their
// kinds of blocks.
#pragma once

#include <cstdint>
#include <string>

#include "model/stack.h"
#include "recipe/parse/yaml_reader.h"

namespace braid::recipe {

// Whether the text may be the name of a model: 1 to 64 letters, digits, '_', '-' and '.', and not
// "." or "..". Names become parts of paths and of job names.
bool IsName(const std::string& name);
// An error at `key` if `name` stands there and is not one.
void CheckName(YamlMap& map, const std::string& key, const std::string& name);

// d, heads, blocks, ffn, block and dual of a path or a baseline. `sequence` is for widths that are
// solved for.
void ReadStack(YamlMap& map, int64_t sequence, model::Stack* stack);

// heads (default stack->heads, if that is not 0), ffn, block, dual and identity of large blocks,
// whose width is stack->d already.
void ReadLarge(YamlMap& map, int64_t sequence, model::Stack* stack);

}  // namespace braid::recipe
