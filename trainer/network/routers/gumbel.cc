// Scores with Gumbel noise G = -log(-log U) (docs/papers/papaformer.md#s3.1).
#include <ATen/ATen.h>

#include "trainer/network/routers/choice.h"

namespace braid::trainer {
namespace {

constexpr double kSmallestUniform = 1e-10;  // below it G would be infinite

at::Tensor Noise(const at::Tensor& logits, const std::string& place, const ForwardContext& pass) {
  const at::Tensor u = pass.Uniform(place + "/gumbel", logits.size(1)).clamp_min(kSmallestUniform);
  return (-at::log(-at::log(u))).to(logits.device());
}

Routed RouteGumbel(const model::Router& router, const at::Tensor& logits, const std::string& place,
                   const ForwardContext& pass) {
  return Choose(router, pass.router_noise ? logits + Noise(logits, place, pass) : logits, pass);
}

}  // namespace

extern const RouterForward kGumbelForward;
constinit const RouterForward kGumbelForward = {"gumbel", &RouteGumbel};

}  // namespace braid::trainer
