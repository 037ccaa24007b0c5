// Routers of a composite: how the outputs of a parallel layer are weighed for each token, and what
// that adds to the loss (docs/papers/papaformer.md#s3, #s3.1).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/connection.h"
#include "trainer/network/forward_context.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct Routed {
  at::Tensor weights;  // g [rows, N + 1]
  at::Tensor choices;  // arg-max of what weighed them, noise included, [rows]
};

// logits z [rows, N + 1] in fp32. `place` names the noise: G = -log(-log U), U clamped below at
// 1e-10.
Routed Route(const model::Router& router, const at::Tensor& logits, const std::string& place,
             const ForwardContext& pass);

// lambda_entropy * (8) + lambda_load * (9 with its sign) of one layer, a scalar. Undefined
// `weights` are no distribution, as of top1: T4 `sample` takes the softmax then.
at::Tensor AuxiliaryLoss(const Auxiliary& auxiliary, const at::Tensor& logits,
                         const at::Tensor& weights);

}  // namespace braid::trainer
