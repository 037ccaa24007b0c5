#include "trainer/network/router.h"

#include <ATen/ATen.h>

namespace braid::trainer {
namespace {

constexpr double kSmallestUniform = 1e-10;
constexpr double kInsideLog = 1e-8;

at::Tensor OneHot(const at::Tensor& choices, const at::Tensor& like) {
  return at::zeros_like(like).scatter(1, choices.unsqueeze(1), 1.0);
}

// The value of `hard`, the gradient of `soft`.
at::Tensor StraightThrough(const at::Tensor& hard, const at::Tensor& soft) { return hard + (soft - soft.detach()); }

at::Tensor Gumbel(const at::Tensor& logits, const std::string& place, const Pass& pass) {
  const at::Tensor u = pass.Uniform(place + "/gumbel", logits.size(1)).clamp_min(kSmallestUniform);
  return (-at::log(-at::log(u))).to(logits.device());
}

}  // namespace

Routed Route(const model::Router& router, const at::Tensor& logits, const std::string& place, const Pass& pass) {
  const bool noisy = router.kind == "gumbel" && pass.router_noise;
  const at::Tensor scores = noisy ? logits + Gumbel(logits, place, pass) : logits;
  const at::Tensor soft = at::softmax(scores / router.tau, 1);
  const at::Tensor choices = at::argmax(soft, 1);
  if (router.kind == "top1") return {OneHot(choices, soft) * soft, choices};
  if (!router.hard) return {soft, choices};
  const at::Tensor hard = OneHot(choices, soft.detach());
  return {pass.training ? StraightThrough(hard, soft) : hard, choices};
}

at::Tensor AuxiliaryLoss(const Auxiliary& auxiliary, const at::Tensor& logits, const at::Tensor& weights) {
  const at::Tensor p = auxiliary.probs == "sample" && weights.defined() ? weights : at::softmax(logits, 1);
  const at::Tensor entropy = -(p * at::log(p + kInsideLog)).sum(1).mean();
  const at::Tensor share = p.mean(0);
  const at::Tensor load = (share * at::log(share + kInsideLog)).sum();
  const double sign = auxiliary.load == "plus_entropy" ? -1.0 : 1.0;
  return -auxiliary.lambda_entropy * entropy + sign * auxiliary.lambda_load * load;
}

}  // namespace braid::trainer
