#include "trainer/optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "trainer/network/gradient_norm.h"
#include "trainer/network/host.h"

namespace braid::trainer {
namespace {

// Neighbours in the buffers that are treated alike: [begin, begin + count), with the gaps between
// them.
struct Range {
  size_t slots = 0;
  int64_t begin = 0;
  int64_t count = 0;
  bool decays = false;
  bool freezes = false;  // a path's, where the settings freeze paths
  int64_t age = 0;
  at::Tensor step;  // the age, on the device
};

// "parallel.{l}.path.{p}.*"; path_in and path_out belong to the connection.
bool IsOfPath(const std::string& tensor) {
  return tensor.starts_with("parallel.") && tensor.find(".path.") != std::string::npos;
}

bool Decays(const model::TensorSpec& tensor, const std::string& scope) {
  // As the dual-path paper's runs had it: their scales, too, whatever the model says of them.
  if (scope == "all_but_embedding") return tensor.role != model::Role::kEmbedding;
  // `scale_decay: false` holds in the other scopes.
  return tensor.decays() || (scope == "all" && tensor.role != model::Role::kScale);
}

std::vector<Range> MakeRanges(const Layout& layout, const std::vector<int64_t>& ages,
                              const AdamWConfig& config) {
  std::vector<Range> ranges;
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const Layout::Slot& slot = layout.slots[i];
    const int64_t end = i + 1 < layout.slots.size() ? layout.slots[i + 1].offset : layout.size;
    const bool decays = Decays(slot.tensor, config.decay_scope);
    const bool freezes = config.freeze_path_steps != 0 && IsOfPath(slot.tensor.name);
    if (ranges.empty() || ranges.back().decays != decays || ranges.back().freezes != freezes ||
        ranges.back().age != ages[i]) {
      ranges.push_back({0, slot.offset, 0, decays, freezes, ages[i], {}});
    }
    ++ranges.back().slots;
    ranges.back().count = end - ranges.back().begin;
  }
  return ranges;
}

at::Tensor ViewOf(float* data, int64_t size, const std::string& device) {
  return at::from_blob(data, {size}, at::TensorOptions(at::kFloat).device(at::Device(device)));
}

void FromHost(const std::vector<float>& values, at::Tensor* tensor) {
  tensor->copy_(at::from_blob(const_cast<float*>(values.data()),
                              {static_cast<int64_t>(values.size())}, at::kFloat));
}

// The tensors of one decay, as the fused update takes them.
struct Group {
  std::vector<at::Tensor> p, g, m, v, steps;
};

}  // namespace

struct AdamW::Impl {
  at::Tensor p, g, m, v;
  std::vector<Range> ranges;
  int64_t step = 0;

  Group Views(bool decays, bool frozen) const {
    Group group;
    for (const Range& range : ranges) {
      if (range.decays != decays || (frozen && range.freezes)) continue;
      group.p.push_back(p.narrow(0, range.begin, range.count));
      group.g.push_back(g.narrow(0, range.begin, range.count));
      group.m.push_back(m.narrow(0, range.begin, range.count));
      group.v.push_back(v.narrow(0, range.begin, range.count));
      group.steps.push_back(range.step);
    }
    return group;
  }
};

AdamW::AdamW(Network& network, const AdamWConfig& config)
    : network_(network), config_(config), impl_(std::make_unique<Impl>()) {
  const int64_t size = network.layout().size;
  const std::string device = network.device();
  impl_->p = ViewOf(network.parameters(), size, device);
  impl_->g = ViewOf(network.gradients(), size, device);
  impl_->m = at::zeros_like(impl_->p);
  impl_->v = at::zeros_like(impl_->p);
  SetAges({});
}

AdamW::~AdamW() = default;

bool AdamW::PathsFrozen() const {
  return config_.freeze_path_steps < 0 || impl_->step < config_.freeze_path_steps;
}

void AdamW::SetAges(const std::vector<int64_t>& ages) {
  const Layout& layout = network_.layout();
  const std::vector<int64_t> all = ages.empty()
                                       ? std::vector<int64_t>(layout.slots.size(), impl_->step)
                                       : ages;
  impl_->ranges = MakeRanges(layout, all, config_);
  for (Range& range : impl_->ranges) range.step = at::scalar_tensor(range.age, impl_->p.options());
}

double AdamW::Step(double lr) {
  const at::NoGradGuard no_grad;
  Impl& s = *impl_;
  const bool frozen = PathsFrozen();
  for (const Range& range : s.ranges) {
    if (frozen && range.freezes) s.g.narrow(0, range.begin, range.count).zero_();
  }
  const double norm = GradientNorm(s.g);
  if (!std::isfinite(norm)) {
    s.g.zero_();
    return norm;
  }
  const double divide = config_.clip > 0 ? std::max(1.0, norm / config_.clip) : 1.0;
  const at::Tensor scale = at::scalar_tensor(divide, s.p.options());
  for (Range& range : s.ranges) {
    if (frozen && range.freezes) continue;
    ++range.age;
    range.step.add_(1);
  }
  for (const bool decays : {true, false}) {
    Group group = s.Views(decays, frozen);
    if (group.p.empty()) continue;
    at::_fused_adamw_(group.p, group.g, group.m, group.v, {}, group.steps, lr, config_.beta1,
                      config_.beta2, decays ? config_.weight_decay : 0.0, config_.eps, false, false,
                      scale, {});
  }
  ++s.step;
  s.g.zero_();
  return norm;
}

AdamW::Snapshot AdamW::Take() const {
  Snapshot snapshot{ToHost(impl_->p), ToHost(impl_->m), ToHost(impl_->v), {}, impl_->step};
  for (const Range& range : impl_->ranges)
    snapshot.ages.insert(snapshot.ages.end(), range.slots, range.age);
  return snapshot;
}

void AdamW::Restore(const Snapshot& snapshot) {
  const at::NoGradGuard no_grad;
  FromHost(snapshot.p, &impl_->p);
  FromHost(snapshot.m, &impl_->m);
  FromHost(snapshot.v, &impl_->v);
  impl_->step = snapshot.step;
  SetAges(snapshot.ages);
}

}  // namespace braid::trainer
