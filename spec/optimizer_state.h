// The size of the state that optimizers keep for each tensor, for estimates of memory and of file
// sizes.
#pragma once

#include <cstdint>

#include "model/tensors.h"
#include "spec/train.h"

namespace braid::spec {

// A linear map inside a block, of two axes. The gates and routers of a block decide for each token
// and are none.
bool IsHiddenMatrix(const model::TensorSpec& tensor);

// How many numbers the optimizer keeps for each parameter of the tensor, besides the parameter:
// AdamW's two moments, or Muon's momentum of a hidden matrix.
int64_t StateValues(OptimizerKind optimizer, const model::TensorSpec& tensor);

// The same for all parameters of a model together. Embedding and head count if `whole`.
int64_t StateValues(OptimizerKind optimizer, const model::ModelSpec& spec, bool whole);

}  // namespace braid::spec
