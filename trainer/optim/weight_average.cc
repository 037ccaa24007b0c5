#include "trainer/optim/weight_average.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "trainer/network/to_host.h"

namespace braid::trainer {
namespace {

at::Tensor WeightsOf(Network& network) {
  return at::from_blob(network.parameters(), {network.layout().size},
                       at::TensorOptions(at::kFloat).device(at::Device(network.device())));
}

}  // namespace

struct WeightAverage::Mean {
  at::Tensor values;
};

WeightAverage::WeightAverage(const spec::Average& settings, int64_t total, Network& network)
    : settings_(settings), total_(total), network_(network) {}

WeightAverage::~WeightAverage() = default;

bool WeightAverage::IsState(int64_t step) const {
  const int64_t left = total_ - step;
  return settings_.last > 0 && left >= 0 && left <= settings_.reach() &&
         left % settings_.every == 0;
}

void WeightAverage::AfterUpdate(int64_t step) {
  if (!IsState(step)) return;
  const at::NoGradGuard no_grad;
  at::Tensor weights = WeightsOf(network_);
  if (mean_ == nullptr) mean_ = std::make_unique<Mean>(Mean{at::zeros_like(weights)});
  // mean + (weights - mean) / count: no sum grows, and no second copy is made.
  mean_->values.lerp_(weights, 1.0 / static_cast<double>(++count_));
  if (step < total_) return;
  weights.copy_(mean_->values);
  mean_.reset();
  count_ = 0;
}

void WeightAverage::Save(OptimizerSnapshot* snapshot) const {
  if (mean_ == nullptr) return;
  snapshot->average = ToHost(mean_->values);
  snapshot->averaged = count_;
}

void WeightAverage::Restore(const OptimizerSnapshot& snapshot) {
  if (snapshot.averaged == 0) return;
  const at::NoGradGuard no_grad;
  mean_ = std::make_unique<Mean>(Mean{at::empty_like(WeightsOf(network_))});
  mean_->values.copy_(at::from_blob(const_cast<float*>(snapshot.average.data()),
                                    {network_.layout().size}, at::kFloat));
  count_ = snapshot.averaged;
}

}  // namespace braid::trainer
