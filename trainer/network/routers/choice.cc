#include "trainer/network/routers/choice.h"

#include <ATen/ATen.h>

namespace braid::trainer {

at::Tensor OneHot(const at::Tensor& choices, const at::Tensor& like) {
  return at::zeros_like(like).scatter(1, choices.unsqueeze(1), 1.0);
}

Routed Choose(const model::Router& router, const at::Tensor& scores, const ForwardContext& pass) {
  const at::Tensor soft = at::softmax(scores / router.tau, 1);
  const at::Tensor choices = at::argmax(soft, 1);
  if (!router.hard) return {soft, choices};
  const at::Tensor hard = OneHot(choices, soft.detach());
  // The value of `hard`, the gradient of `soft`.
  return {pass.training ? hard + (soft - soft.detach()) : hard, choices};
}

}  // namespace braid::trainer
