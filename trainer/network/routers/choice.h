// Parts that several routers share.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/network/router.h"

namespace braid::trainer {

// [rows, N + 1]: one at the choice of each row, zero elsewhere; of the type of `like`.
at::Tensor OneHot(const at::Tensor& choices, const at::Tensor& like);

// softmax(scores / tau) as a mixture, or with Router::hard as one choice for each token, whose
// gradient is that of the mixture (straight through).
Routed Choose(const model::Router& router, const at::Tensor& scores, const ForwardContext& pass);

}  // namespace braid::trainer
