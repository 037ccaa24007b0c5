// Checkpoints that are handed over against what they must be (model/checkpoint_requirement.h):
// known before other models have been trained for days.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "model/checkpoint_requirement.h"

namespace braid::merge {

// Configuration and headers of one, with those of its optimizer if moments are taken over; nothing
// if it cannot be looked into from here.
using ReadRequirement =
    std::function<Result<std::optional<Parent>>(const model::CheckpointRequirement& expected)>;

// Shapes, arch, tensors, tokenizers, moments where they are taken over, and what a base must hold.
// `tokenizer` is the digest of the run's tokenizer, or empty if it is not there yet.
// kInvalidArgument (INVALID_RECIPE) that begins "FILE:LINE: CHECKPOINT: ".
Status CheckRequirements(const std::vector<model::CheckpointRequirement>& all,
                         const std::string& file, const std::string& tokenizer,
                         const ReadRequirement& read);

}  // namespace braid::merge
