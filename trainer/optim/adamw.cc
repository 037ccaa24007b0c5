#include "trainer/optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace braid::trainer {

struct AdamW::Impl {
  at::Tensor p, g, m, v, step;
};

namespace {

at::Tensor ViewOf(float* data, int64_t size, const std::string& device) {
  return at::from_blob(data, {size}, at::TensorOptions(at::kFloat).device(at::Device(device)));
}

std::vector<float> ToHost(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

void FromHost(const std::vector<float>& values, at::Tensor* tensor) {
  tensor->copy_(at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())}, at::kFloat));
}

}  // namespace

AdamW::AdamW(Network& network, const AdamWConfig& config)
    : network_(network), config_(config), impl_(std::make_unique<Impl>()) {
  const int64_t size = network.layout().size;
  const std::string device = network.device();
  impl_->p = ViewOf(network.parameters(), size, device);
  impl_->g = ViewOf(network.gradients(), size, device);
  impl_->m = at::zeros_like(impl_->p);
  impl_->v = at::zeros_like(impl_->p);
  impl_->step = at::zeros({}, impl_->p.options());
}

AdamW::~AdamW() = default;

double AdamW::Step(double lr) {
  const at::NoGradGuard no_grad;
  Impl& s = *impl_;
  const double norm = at::linalg_vector_norm(s.g).item<double>();
  if (!std::isfinite(norm)) {
    s.g.zero_();
    return norm;
  }
  const double divide = config_.clip > 0 ? std::max(1.0, norm / config_.clip) : 1.0;
  const at::Tensor scale = at::scalar_tensor(divide, s.p.options());
  const int64_t decayed = network_.layout().decayed;
  const auto update = [&](int64_t begin, int64_t count, double decay) {
    std::vector<at::Tensor> p{s.p.narrow(0, begin, count)}, g{s.g.narrow(0, begin, count)},
        m{s.m.narrow(0, begin, count)}, v{s.v.narrow(0, begin, count)}, step{s.step};
    at::_fused_adamw_(p, g, m, v, {}, step, lr, config_.beta1, config_.beta2, decay, config_.eps, false, false, scale, {});
  };
  s.step.add_(1);
  update(0, decayed, config_.weight_decay);
  update(decayed, s.p.numel() - decayed, config_.decay_scope == "all" ? config_.weight_decay : 0.0);
  s.g.zero_();
  return norm;
}

AdamW::Snapshot AdamW::Take() const {
  return {ToHost(impl_->p), ToHost(impl_->m), ToHost(impl_->v), impl_->step.item<int64_t>()};
}

void AdamW::Restore(const Snapshot& snapshot) {
  const at::NoGradGuard no_grad;
  FromHost(snapshot.p, &impl_->p);
  FromHost(snapshot.m, &impl_->m);
  FromHost(snapshot.v, &impl_->v);
  impl_->step.fill_(static_cast<double>(snapshot.step));
}

}  // namespace braid::trainer
