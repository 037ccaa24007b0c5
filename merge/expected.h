// Checkpoints that are handed over against what they must be (model/expected.h): known before other
// models have been trained for days.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "model/expected.h"

namespace braid::merge {

// Configuration and headers of one, with those of its optimizer if moments are taken over; nothing
// if it cannot be looked into from here.
using ReadExpected = std::function<Result<std::optional<Parent>>(const model::Expected& expected)>;

// Shapes, arch, tensors, tokenizers, moments where they are taken over, and what a base must hold.
// `tokenizer` is the digest of the run's tokenizer, or empty if it is not there yet.
// kInvalidArgument (INVALID_RECIPE) that begins "FILE:LINE: CHECKPOINT: ".
Status CheckExpected(const std::vector<model::Expected>& all, const std::string& file,
                     const std::string& tokenizer, const ReadExpected& read);

}  // namespace braid::merge
