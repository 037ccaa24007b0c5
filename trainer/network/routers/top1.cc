#include <ATen/ATen.h>

#include "trainer/network/routers/choice.h"

namespace braid::trainer {
namespace {

Routed RouteTop1(const model::Router& router, const at::Tensor& logits, const std::string&,
                 const ForwardContext&) {
  const at::Tensor soft = at::softmax(logits / router.tau, 1);
  const at::Tensor choices = at::argmax(soft, 1);
  return {OneHot(choices, soft) * soft, choices};
}

}  // namespace

extern const RouterForward kTop1Forward;
constinit const RouterForward kTop1Forward = {"top1", &RouteTop1, /*gives_distribution=*/false};

}  // namespace braid::trainer
