// Routers of a composite: how the outputs of a parallel layer are weighed for each token, and what
// that adds to the loss (docs/papers/papaformer.md#s3, #s3.1). Each kind of model/router.h has a
// file in trainer/network/routers/ and is found by its name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "model/connection.h"
#include "trainer/network/forward_context.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// A router's decision for each token of a layer with N paths; number N is the combination.
struct Routed {
  at::Tensor weights;  // g [rows, N + 1]
  at::Tensor choices;  // arg-max of what weighed them, noise included, [rows]
};

// The computation of a kind of router.
struct RouterForward {
  const char* kind;  // a name of model::RouterKind
  // The weights for logits z [rows, N + 1] in fp32. `place` names the noise. Null: the router does
  // not choose, and no logits are computed for it.
  Routed (*route)(const model::Router& router, const at::Tensor& logits, const std::string& place,
                  const ForwardContext& pass) = nullptr;
  // The weights of a token add up to 1, so that the auxiliary losses may take them for a
  // distribution (T4 `sample`).
  bool gives_distribution = true;
};

// All routers: one for each registered model::RouterKind (routers/registry.cc).
const std::vector<RouterForward>& RouterForwards();
// The entry of a kind of router.
const RouterForward& ForwardOf(const model::RouterKind& kind);

// lambda_entropy * (8) + lambda_load * (9 with its sign) of one layer, a scalar. Undefined
// `weights` are no distribution: T4 `sample` takes the softmax of the logits then.
at::Tensor AuxiliaryLoss(const Auxiliary& auxiliary, const at::Tensor& logits,
                         const at::Tensor& weights);

}  // namespace braid::trainer
