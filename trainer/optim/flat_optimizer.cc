#include "trainer/optim/flat_optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/simd/dispatch.h"
#include "trainer/network/gradient_norm.h"
#include "trainer/network/to_host.h"
#include "trainer/network/zero_pages.h"

namespace braid::trainer {
namespace {

// "parallel.{l}.path.{p}.*". The maps path_in and path_out belong to the connection, which is not
// frozen.
bool IsOfPath(const std::string& tensor) {
  return tensor.starts_with("parallel.") && tensor.find(".path.") != std::string::npos;
}

// The beginning of the next tensor, so that a range includes the padding between its tensors.
int64_t EndOf(const Layout& layout, size_t slot) {
  return slot + 1 < layout.slots.size() ? layout.slots[slot + 1].offset : layout.size;
}

at::Tensor ViewOf(float* data, int64_t size, const std::string& device) {
  return at::from_blob(data, {size}, at::TensorOptions(at::kFloat).device(at::Device(device)));
}

void CopyFromHost(const std::vector<float>& values, at::Tensor* tensor) {
  tensor->copy_(at::from_blob(const_cast<float*>(values.data()),
                              {static_cast<int64_t>(values.size())}, at::kFloat));
}

}  // namespace

UpdatePart PartOfRank(int64_t rank, int64_t world, int64_t size) {
  const int64_t pieces = (size + kNormPiece - 1) / kNormPiece;
  const auto bound = [&](int64_t number) {
    return std::min(size, number * pieces / world * kNormPiece);
  };
  return {bound(rank), bound(rank + 1), nullptr};
}

bool Decays(const model::TensorSpec& tensor, spec::DecayScope decay_scope) {
  // As the dual-path paper's runs had it: their scales, too, whatever the model says of them.
  if (decay_scope == spec::DecayScope::kAllButEmbedding)
    return tensor.role != model::Role::kEmbedding;
  // `scale_decay: false` holds in the other scopes.
  return tensor.decays() ||
         (decay_scope == spec::DecayScope::kAll && tensor.role != model::Role::kScale);
}

StateLayout MakeStateLayout(std::string name, const Layout& layout,
                            const std::vector<bool>& covers) {
  StateLayout state{std::move(name), {}, 0};
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    state.offsets.push_back(covers[i] ? state.size : -1);
    if (covers[i]) state.size += EndOf(layout, i) - layout.slots[i].offset;
  }
  return state;
}

OptimizerSnapshot::State& OptimizerSnapshot::Of(std::string_view name) {
  return *std::find_if(state.begin(), state.end(),
                       [&](const State& x) { return x.layout.name == name; });
}

const OptimizerSnapshot::State& OptimizerSnapshot::Of(std::string_view name) const {
  return const_cast<OptimizerSnapshot*>(this)->Of(name);
}

FlatOptimizer::FlatOptimizer(Network& network, const OptimizerConfig& config,
                             std::vector<StateLayout> states, std::vector<int> groups)
    : network_(network), config_(config), states_(std::move(states)), groups_(std::move(groups)) {
  p_ = ViewOf(network.parameters(), layout().size, network.device());
  g_ = ViewOf(network.gradients(), layout().size, network.device());
  for (const StateLayout& state : states_) {
    state_.push_back(p_.is_cpu() ? ZeroPages(state.size) : at::zeros({state.size}, p_.options()));
  }
  for (const Layout::Slot& slot : layout().slots) {
    const Treatment treatment = TreatmentOf(slot.tensor.name);
    const auto found = std::find(treatments_.begin(), treatments_.end(), treatment);
    treatment_of_.push_back(static_cast<size_t>(found - treatments_.begin()));
    if (found == treatments_.end()) treatments_.push_back(treatment);
  }
  part_.end = layout().size;
  SetAges({});
}

at::Tensor FlatOptimizer::Parameters(const Range& range) const {
  return p_.narrow(0, range.begin, range.count);
}

at::Tensor FlatOptimizer::Gradients(const Range& range) const {
  return g_.narrow(0, range.begin, range.count);
}

at::Tensor FlatOptimizer::State(size_t which, const Range& range) const {
  return state_[which].narrow(0, states_[which].offsets[range.first_slot], range.count);
}

FlatOptimizer::Treatment FlatOptimizer::TreatmentOf(const std::string& tensor) const {
  const model::ModelSpec& spec = network_.spec();
  Treatment treatment;
  if (spec.kind == model::Kind::kDense) return treatment;
  static_cast<spec::TensorTreatment&>(treatment) = spec::TreatmentOf(tensor, spec, config_.groups);
  if (IsOfPath(tensor)) {
    treatment.first_step = config_.freeze_path_steps < 0 ? std::numeric_limits<int64_t>::max()
                                                         : config_.freeze_path_steps;
  }
  if (config_.first && !spec::IsOf(config_.first->only, tensor, spec))
    treatment.first_step = std::max(treatment.first_step, config_.first->steps);
  return treatment;
}

double FlatOptimizer::RateOf(const Range& range, double lr) const {
  const Treatment& treatment = treatments_[range.treatment];
  const int64_t trained = step_ - treatment.first_step;
  double rate = lr * treatment.lr_factor;
  if (trained < treatment.warmup_steps) {
    rate *= static_cast<double>(trained + 1) / static_cast<double>(treatment.warmup_steps);
  }
  return rate;
}

void FlatOptimizer::SetAges(const std::vector<int64_t>& ages) {
  ranges_.clear();
  for (size_t i = 0; i < layout().slots.size(); ++i) {
    const Layout::Slot& slot = layout().slots[i];
    const int64_t age = ages.empty() ? step_ : ages[i];
    if (ranges_.empty() || ranges_.back().group != groups_[i] ||
        ranges_.back().treatment != treatment_of_[i] || ranges_.back().age != age) {
      Range& range = ranges_.emplace_back();
      range.first_slot = i;
      range.begin = slot.offset;
      range.group = groups_[i];
      range.treatment = treatment_of_[i];
      range.age = age;
      range.step = at::scalar_tensor(age, p_.options());
    }
    ++ranges_.back().slots;
    ranges_.back().count = EndOf(layout(), i) - ranges_.back().begin;
  }
}

double FlatOptimizer::Step(double lr) {
  const at::NoGradGuard no_grad;
  for (const Range& range : ranges_) {
    // Gradients of frozen tensors must not count in the norm by which the others are clipped.
    if (IsFrozen(range)) Gradients(range).zero_();
  }
  const double norm = Norm();
  // An update by NaN would destroy parameters and moments for good. The caller ends the training
  // with an error.
  if (!std::isfinite(norm)) {
    g_.zero_();
    return norm;
  }
  std::vector<const Range*> moving;
  for (Range& range : ranges_) {
    if (IsFrozen(range)) continue;
    ++range.age;
    range.step.add_(1);
    range.lr = RateOf(range, lr);
    range.weight_decay = treatments_[range.treatment].weight_decay.value_or(config_.weight_decay);
    moving.push_back(&range);
  }
  // The gradients are divided within the update, which saves a pass over them.
  zeroed_ = 0;
  Update(moving, config_.clip > 0 ? std::max(1.0, norm / config_.clip) : 1.0);
  ++step_;
  // Beyond the part they are zero.
  if (zeroed_ != part_.end - part_.begin) g_.zero_();
  return norm;
}

double FlatOptimizer::Norm() const {
  if (part_.add_up == nullptr) return GradientNorm(g_);
  std::vector<double> sums = SumsOfSquares(g_, part_.begin / kNormPiece,
                                           (part_.end + kNormPiece - 1) / kNormPiece);
  part_.add_up(&sums);
  return NormOfSums(sums);
}

std::vector<std::span<float>> FlatOptimizer::SharedBuffers() {
  if (!p_.is_cpu() || !UpdatesElements()) return {};
  std::vector<std::span<float>> buffers;
  const auto add = [&](const at::Tensor& tensor) {
    buffers.emplace_back(tensor.mutable_data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  };
  add(p_);
  for (const at::Tensor& state : state_) add(state);
  return buffers;
}

void FlatOptimizer::UpdateByAdamW(const std::vector<const Range*>& ranges, const AdamWRule& rule,
                                  double divide) {
  // What the fused kernel takes in one call.
  struct Lists {
    std::vector<at::Tensor> p, g, m, v, steps;
  };
  std::map<std::pair<double, double>, Lists> by_rate;
  for (const Range* range : ranges) {
    if (range->group != rule.group) continue;
    if (p_.is_cpu()) {
      UpdateOnCpu(*range, rule, divide);
      continue;
    }
    Lists& lists = by_rate[{range->lr, rule.decays ? range->weight_decay : 0}];
    lists.p.push_back(Parameters(*range));
    lists.g.push_back(Gradients(*range));
    lists.m.push_back(State(rule.first_moment, *range));
    lists.v.push_back(State(rule.second_moment, *range));
    lists.steps.push_back(range->step);
  }
  for (auto& [rates, lists] : by_rate) {
    const at::Tensor scale = at::scalar_tensor(divide, p_.options());
    at::_fused_adamw_(lists.p, lists.g, lists.m, lists.v, {}, lists.steps, rates.first,
                      config_.beta1, config_.beta2, rates.second, config_.eps, /*amsgrad=*/false,
                      /*maximize=*/false, scale, /*found_inf=*/{});
  }
}

void FlatOptimizer::UpdateOnCpu(const Range& range, const AdamWRule& rule, double divide) {
  constexpr int64_t kPiece = 1 << 14;  // elements that a thread takes at a time
  const auto data = [](const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); };
  float *p = data(Parameters(range)), *g = data(Gradients(range)),
        *m = data(State(rule.first_moment, range)), *v = data(State(rule.second_moment, range));
  const auto age = static_cast<double>(range.age);
  const double weight_decay = rule.decays ? range.weight_decay : 0;
  const double step_size = range.lr / (1 - std::pow(config_.beta1, age));
  const double root = 1 / std::sqrt(1 - std::pow(config_.beta2, age));
  // What of the range is in the part.
  const int64_t from = std::max<int64_t>(0, part_.begin - range.begin);
  const int64_t to = std::min(range.count, part_.end - range.begin);
  if (from >= to) return;
  ParallelFor(from / kPiece, (to + kPiece - 1) / kPiece, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = std::max(from, begin * kPiece);
    Simd().adamw({.p = p + first,
                  .g = g + first,
                  .m = m + first,
                  .v = v + first,
                  .count = std::min(to, end * kPiece) - first,
                  .divide = static_cast<float>(divide),
                  .decay = static_cast<float>(1 - range.lr * weight_decay),
                  .beta1 = static_cast<float>(config_.beta1),
                  .beta2 = static_cast<float>(config_.beta2),
                  .step_size = static_cast<float>(step_size),
                  .root = static_cast<float>(root),
                  .eps = static_cast<float>(config_.eps)});
  });
  zeroed_ += to - from;
}

Optimizer::Snapshot FlatOptimizer::Take() const {
  Snapshot snapshot;
  snapshot.p = ToHost(p_);
  snapshot.step = step_;
  for (size_t i = 0; i < states_.size(); ++i)
    snapshot.state.push_back({states_[i], ToHost(state_[i])});
  for (const Range& range : ranges_)
    snapshot.ages.insert(snapshot.ages.end(), range.slots, range.age);
  return snapshot;
}

void FlatOptimizer::Restore(const Snapshot& snapshot) {
  const at::NoGradGuard no_grad;
  CopyFromHost(snapshot.p, &p_);
  for (size_t i = 0; i < states_.size(); ++i) CopyFromHost(snapshot.state[i].values, &state_[i]);
  step_ = snapshot.step;
  SetAges(snapshot.ages);
}

}  // namespace braid::trainer
