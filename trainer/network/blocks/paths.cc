#include "trainer/network/blocks/paths.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

// t_k of docs/papers/dual_path.md#s1.3 for step k = 1 .. steps of a block trained with `trained`
// steps (section 7 for other numbers of steps).
double StepFeature(int64_t k, int64_t steps, int64_t trained, bool rescaled) {
  const int64_t of = steps < trained && rescaled ? steps : trained;
  return static_cast<double>(std::min(k, of) - 1) /
         static_cast<double>(std::max<int64_t>(1, of - 1));
}

// Weights of the steps from their routers: pi_k q_k, and what is left for the last. With
// `threshold` above 0 a token stops at the first step whose incoming mass is at most that.
void WeighSteps(double threshold, Steps* steps) {
  const size_t K = steps->hidden.size();
  at::Tensor left = at::ones({steps->hidden.front().size(0), 1}, steps->hidden.front().options());
  for (size_t k = 0; k < K; ++k) {
    at::Tensor taken = k + 1 < K ? left * steps->routers[k] : left;
    if (threshold > 0) taken = at::where(left <= threshold, left, taken);
    steps->weights.push_back(taken);
    left = left - taken;
  }
}

void Mix(model::StepMix rule, double threshold, Steps* steps) {
  switch (rule) {
    case model::StepMix::kFinal:
      steps->mixed = steps->hidden.back();
      return;
    case model::StepMix::kUniform:
      steps->mixed = at::stack(steps->hidden).mean(0);
      return;
    case model::StepMix::kAct:
      break;
  }
  WeighSteps(threshold, steps);
  steps->mixed = WeightedSum(steps->hidden, steps->weights);
}

}  // namespace

const Intervention* ChangeOf(const ForwardContext& pass, int64_t layer) {
  if (pass.intervention == nullptr) return nullptr;
  const std::vector<int64_t>& layers = pass.intervention->layers;
  const bool concerns = layers.empty() ||
                        std::find(layers.begin(), layers.end(), layer) != layers.end();
  return concerns ? pass.intervention : nullptr;
}

DeepPath::DeepPath(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
    : dual_(at.stack.dual),
      place_(at.place),
      body_(MakeSublayers(leaf, at.place + ".deep", dual_.ffn_deep, at.stack, arch)),
      scale_(leaf(at.place + ".deep.scale", {dual_.loops})) {
  if (dual_.mix != model::StepMix::kAct) return;
  router_ = leaf(at.place + ".router.weight", {1, at.stack.d + 1});
  router_bias_ = leaf(at.place + ".router.bias", {1});
}

Steps DeepPath::Run(const at::Tensor& x, const Intervention* change, ForwardContext& pass) const {
  const int64_t K = change != nullptr && change->loops > 0 ? change->loops : dual_.loops;
  const bool rescaled = change == nullptr || change->rescales_steps;
  const at::Tensor scales = Scales();
  Steps steps;
  at::Tensor h = x;
  for (int64_t k = 1; k <= K; ++k) {
    // Steps beyond those that were trained have the last one's scale.
    h = RunSublayers(body_, h, scales[std::min(k, dual_.loops) - 1],
                     place_ + "/deep/" + std::to_string(k), pass);
    steps.hidden.push_back(h);
    if (dual_.mix != model::StepMix::kAct || (k == K && dual_.skip_last_router)) continue;
    const double feature = StepFeature(k, K, dual_.loops, rescaled);
    // The router of a step sees how far the loop is: one set of weights serves all steps. That
    // number is the same for all rows, so its share is one of the bias.
    const int64_t w = h.size(1);
    const at::Tensor bias = router_bias_ + feature * router_.select(1, w);
    steps.routers.push_back(at::sigmoid(at::linear(h, router_.narrow(1, 0, w), bias)));
  }
  Mix(dual_.mix, change != nullptr ? change->early_exit : 0, &steps);
  return steps;
}

at::Tensor DeepPath::Scales() const {
  return at::softplus(scale_);
}

WidePath::WidePath(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
    : place_(at.place),
      body_(MakeSublayers(leaf, at.place + ".wide", at.stack.dual.ffn_wide, at.stack, arch)),
      scale_(leaf(at.place + ".wide.scale", {1})) {}

at::Tensor WidePath::Run(const at::Tensor& x, ForwardContext& pass) const {
  return RunSublayers(body_, x, Scale(), place_ + "/wide", pass);
}

at::Tensor WidePath::Scale() const {
  return at::softplus(scale_);
}

}  // namespace braid::trainer
