#include "trainer/optim/outer_optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>

#include "trainer/network/to_host.h"

namespace braid::trainer {
namespace {

// Elements that are computed in fp64 at a time, which bounds the memory of that.
constexpr int64_t kFp64Piece = int64_t{1} << 20;

at::Tensor ViewOf(float* data, const Network& network) {
  return at::from_blob(data, {network.layout().size},
                       at::TensorOptions(at::kFloat).device(at::Device(network.device())));
}

at::Tensor HostView(const std::vector<float>& values) {
  return at::from_blob(const_cast<float*>(values.data()), {std::ssize(values)}, at::kFloat);
}

}  // namespace

struct OuterOptimizer::Buffers {
  // Views of the network's own.
  at::Tensor p, g;
  // The weights of the last outer step, and the momentum.
  at::Tensor weights, momentum;
};

OuterOptimizer::OuterOptimizer(const spec::OuterSgd& settings, Network& network)
    : settings_(settings), buffers_(std::make_unique<Buffers>()) {
  buffers_->p = ViewOf(network.parameters(), network);
  buffers_->g = ViewOf(network.gradients(), network);
  buffers_->weights = at::empty_like(buffers_->p);
  buffers_->momentum = at::empty_like(buffers_->p);
  Begin();
}

OuterOptimizer::~OuterOptimizer() = default;

void OuterOptimizer::Begin() {
  const at::NoGradGuard no_grad;
  buffers_->weights.copy_(buffers_->p);
  buffers_->momentum.zero_();
}

void OuterOptimizer::TakeChange() {
  const at::NoGradGuard no_grad;
  at::sub_out(buffers_->g, buffers_->weights, buffers_->p);
}

void OuterOptimizer::Step(int64_t ranks) {
  const at::NoGradGuard no_grad;
  const Buffers& all = *buffers_;
  for (int64_t begin = 0; begin < all.p.numel(); begin += kFp64Piece) {
    const int64_t count = std::min(kFp64Piece, all.p.numel() - begin);
    const auto piece = [&](const at::Tensor& whole) { return whole.narrow(0, begin, count); };
    const auto fp64 = [&](const at::Tensor& whole) { return piece(whole).to(at::kDouble); };
    const at::Tensor change = fp64(all.g).div_(static_cast<double>(ranks));
    // Products and sums apart: a fused operation would round differently on other processors, and
    // the ranks' weights would not have the same bits.
    const at::Tensor momentum = fp64(all.momentum).mul_(settings_.momentum).add_(change);
    const at::Tensor update = momentum.mul(settings_.momentum).add_(change).mul_(settings_.lr);
    piece(all.momentum).copy_(momentum);
    piece(all.weights).copy_(fp64(all.weights).sub_(update));
  }
  all.p.copy_(all.weights);
  all.g.zero_();
}

std::vector<float> OuterOptimizer::Weights() const {
  return ToHost(buffers_->weights);
}

std::vector<float> OuterOptimizer::Momentum() const {
  return ToHost(buffers_->momentum);
}

void OuterOptimizer::Restore(const std::vector<float>& weights,
                             const std::vector<float>& momentum) {
  const at::NoGradGuard no_grad;
  buffers_->weights.copy_(HostView(weights));
  buffers_->momentum.copy_(HostView(momentum));
}

}  // namespace braid::trainer
