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
at::Tensor StraightThrough(const at::Tensor& hard, const at::Tensor& soft) {
  return hard + (soft - soft.detach());
}

at::Tensor Gumbel(const at::Tensor& logits, const std::string& place, const ForwardContext& pass) {
  const at::Tensor u = pass.Uniform(place + "/gumbel", logits.size(1)).clamp_min(kSmallestUniform);
  return (-at::log(-at::log(u))).to(logits.device());
}

}  // namespace

Routed Route(const model::Router& router, const at::Tensor& logits, const std::string& place,
             const ForwardContext& pass) {
  const bool noisy = router.kind == "gumbel" && pass.router_noise;
  const at::Tensor scores = noisy ? logits + Gumbel(logits, place, pass) : logits;
  const at::Tensor soft = at::softmax(scores / router.tau, 1);
  const at::Tensor choices = at::argmax(soft, 1);
  if (router.kind == "top1") return {OneHot(choices, soft) * soft, choices};
  if (!router.hard) return {soft, choices};
  const at::Tensor hard = OneHot(choices, soft.detach());
  return {pass.training ? StraightThrough(hard, soft) : hard, choices};
}

namespace {

// Sum of m log m. Of several ranks m is the mean of their `share`s, and each rank's loss has the
// gradient that m has through its own rows: averaged over the ranks that is the gradient of the
// whole.
at::Tensor LoadOf(const at::Tensor& share,
                  const std::function<void(double*, int64_t)>& mean_over_ranks) {
  if (!mean_over_ranks) return (share * at::log(share + kInsideLog)).sum();
  at::Tensor whole = share.detach().to(at::kCPU, at::kDouble).clone();
  mean_over_ranks(whole.mutable_data_ptr<double>(), whole.numel());
  whole = whole.to(share.options());
  const at::Tensor logs = at::log(whole + kInsideLog);
  const at::Tensor through = (share * (logs + whole / (whole + kInsideLog))).sum();
  return ((whole * logs).sum() - through).detach() + through;
}

}  // namespace

at::Tensor AuxiliaryLoss(const Auxiliary& auxiliary, const at::Tensor& logits,
                         const at::Tensor& weights) {
  const at::Tensor p = auxiliary.probs == "sample" && weights.defined() ? weights
                                                                        : at::softmax(logits, 1);
  const at::Tensor entropy = -(p * at::log(p + kInsideLog)).sum(1).mean();
  const at::Tensor load = LoadOf(p.mean(0), auxiliary.mean_over_ranks);
  const double sign = auxiliary.load == "plus_entropy" ? -1.0 : 1.0;
  return -auxiliary.lambda_entropy * entropy + sign * auxiliary.lambda_load * load;
}

}  // namespace braid::trainer
