#include "trainer/network/router.h"

#include <ATen/ATen.h>

namespace braid::trainer {
namespace {

// Keeps the logarithm finite where a path gets no tokens at all.
constexpr double kInsideLog = 1e-8;

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
  // T4: the probabilities that were sampled from, or those of the logits without noise.
  const at::Tensor p = auxiliary.probs == spec::AuxProbs::kSample && weights.defined()
                           ? weights
                           : at::softmax(logits, 1);
  const at::Tensor entropy = -(p * at::log(p + kInsideLog)).sum(1).mean();
  const at::Tensor load = LoadOf(p.mean(0), auxiliary.mean_over_ranks);
  const double sign = auxiliary.load == spec::AuxLoad::kPlusEntropy ? -1.0 : 1.0;
  return -auxiliary.lambda_entropy * entropy + sign * auxiliary.lambda_load * load;
}

}  // namespace braid::trainer
