// Checks checkpoints that a recipe names against their requirements
// (model/checkpoint_requirement.h), before other models are trained for days.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "model/checkpoint_requirement.h"

namespace braid::merge {

// Reads the configuration and tensor headers of a required checkpoint, and those of its optimizer
// state if `expected.moments`. nullopt if the checkpoint cannot be read here and has to be checked
// elsewhere.
using ReadRequirement =
    std::function<Result<std::optional<Parent>>(const model::CheckpointRequirement& expected)>;

// Compares shapes, arch fields, tensors, tokenizers, optimizer states where they are used, and the
// paths of a base. `tokenizer` is the digest of the run's tokenizer, or empty if it is not there
// yet. kInvalidArgument (INVALID_RECIPE) that begins "FILE:LINE: CHECKPOINT: ".
Status CheckRequirements(const std::vector<model::CheckpointRequirement>& all,
                         const std::string& file, const std::string& tokenizer,
                         const ReadRequirement& read);

}  // namespace braid::merge
