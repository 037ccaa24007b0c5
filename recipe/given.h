// Checkpoints that a recipe is given (`from`, `start`, `base`) against what it says of its models: known before other models have
// been trained for days.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "recipe/recipe.h"

namespace braid::recipe {

struct Given {
  std::string source;      // "from.path_1", "start.dense", "base.composite"
  std::string checkpoint;  // artifact id or folder, as the recipe has it
  int line = 0;

  std::string model() const { return source.substr(source.find('.') + 1); }
};
std::vector<Given> GivenOf(const Recipe& recipe);

// Configuration and headers of one, with `moments` those of the optimizer too; nothing if it cannot be looked into from here.
using ReadGiven = std::function<Result<std::optional<merge::Parent>>(const Given& given, bool moments)>;

// Shapes, arch, tensors, tokenizers, moments where they are carried, and what a base must hold. `tokenizer` is the digest of the
// recipe's tokenizer, or empty if it is not there yet. kInvalidArgument (INVALID_RECIPE) that begins "FILE:LINE: CHECKPOINT: ".
Status CheckGiven(const Recipe& recipe, const std::string& file, const std::string& tokenizer, const ReadGiven& read);

}  // namespace braid::recipe
