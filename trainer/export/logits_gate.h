// The gate of an export: what was written computes what the checkpoint does
// (docs/papers/papaformer.md#s7.1).
#pragma once

#include <string>

#include "base/status.h"

namespace braid::trainer {

// The largest difference of logits that an export may have, in single precision.
constexpr double kSameExportedLogits = 1e-4;

// Reads the Llama in `folder` back and compares its logits with those of the checkpoint folder
// `model` on 16 random sequences. kInvalidArgument if they differ by kSameExportedLogits or more;
// the error names the smallest beta that was folded, if any was. Leaves `folder` as it was, unless
// it fails. Both models are in memory.
Status CheckExportedLogits(const std::string& model, const std::string& folder);

}  // namespace braid::trainer
