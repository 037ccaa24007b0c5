// The check of an export: the written Llama computes the same as the checkpoint
// (docs/papers/papaformer.md#s7.1).
#pragma once

#include <string>

#include "base/status.h"

namespace braid::trainer {

// Logits of an export may differ by less than this (both models compute in single precision).
constexpr double kSameExportedLogits = 1e-4;

// Imports the Llama in `folder` again and compares its logits with those of the checkpoint folder
// `model`, on 16 random sequences. kInvalidArgument if they differ by kSameExportedLogits or more;
// the message names the smallest beta that was divided by, if there is one. Leaves `folder` as it
// was, unless it fails. Both models are in memory.
Status CheckExportedLogits(const std::string& model, const std::string& folder);

}  // namespace braid::trainer
