#include "trainer/network/dual.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/random.h"
#include "trainer/network/to_host.h"

namespace braid::trainer {
namespace {

constexpr double kSmallestNorm = 1e-6;

// What the steps of the deep path gave, and how they are weighed.
struct Steps {
  std::vector<at::Tensor> hidden;   // h^1 .. h^K, [rows, w]
  std::vector<at::Tensor> routers;  // q_k of those that were asked, [rows, 1]
  std::vector<at::Tensor> weights;  // of the mix, [rows, 1]; of `final` and `uniform` empty
  at::Tensor mixed;                 // h_deep
};

struct Gates {
  at::Tensor deep, wide;  // [rows, 1]
};

bool Concerns(const Intervention* intervention, const Block& block) {
  if (intervention == nullptr) return false;
  const std::vector<int64_t>& layers = intervention->layers;
  return layers.empty() || std::find(layers.begin(), layers.end(), block.layer) != layers.end();
}

// t_k of 1.3 for step k = 1 .. steps of a block trained with `trained` steps (section 7 for other
// numbers of steps).
double StepFeature(int64_t k, int64_t steps, int64_t trained, const std::string& rule) {
  const int64_t of = steps < trained && rule == "rescaled" ? steps : trained;
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

void Mix(const std::string& rule, double threshold, Steps* steps) {
  if (rule == "final") {
    steps->mixed = steps->hidden.back();
  } else if (rule == "uniform") {
    steps->mixed = at::stack(steps->hidden).mean(0);
  } else {
    WeighSteps(threshold, steps);
    for (size_t k = 0; k < steps->hidden.size(); ++k) {
      const at::Tensor part = steps->weights[k] * steps->hidden[k];
      steps->mixed = k == 0 ? part : steps->mixed + part;
    }
  }
}

Steps RunDeep(const Block& block, const at::Tensor& x, ForwardContext& pass) {
  const model::Dual& dual = block.stack->dual;
  const bool changed = Concerns(pass.intervention, block);
  const int64_t K = changed && pass.intervention->loops > 0 ? pass.intervention->loops : dual.loops;
  const at::Tensor scales = at::softplus(block.deep_scale);
  Steps steps;
  at::Tensor h = x;
  for (int64_t k = 1; k <= K; ++k) {
    h = RunSublayers(block.body, h, scales[std::min(k, dual.loops) - 1],
                     block.place + "/deep/" + std::to_string(k), pass);
    steps.hidden.push_back(h);
    if (dual.mix != "act" || (k == K && dual.skip_last_router)) continue;
    const double feature = StepFeature(k, K, dual.loops,
                                       changed ? pass.intervention->step_feature : "rescaled");
    const at::Tensor asked = at::cat({h, at::full({h.size(0), 1}, feature, h.options())}, 1);
    steps.routers.push_back(at::sigmoid(at::linear(asked, block.router, block.router_bias)));
  }
  Mix(dual.mix, changed ? pass.intervention->early_exit : 0, &steps);
  return steps;
}

at::Tensor RunWide(const Block& block, const at::Tensor& x, ForwardContext& pass) {
  return RunSublayers(block.wide, x, at::softplus(block.wide_scale), block.place + "/wide", pass);
}

Gates LearnedGates(const Block& block, const at::Tensor& x) {
  const std::string& kind = block.stack->dual.gate;
  if (kind == "fixed") {
    const at::Tensor half = at::full({x.size(0), 1}, 0.5, x.options());
    return {half, half};
  }
  const at::Tensor logits = at::linear(x, block.gate, block.gate_bias);
  if (kind == "convex") {
    const at::Tensor deep = at::sigmoid(logits);
    return {deep, 1 - deep};
  }
  const at::Tensor both = kind == "softmax" ? at::softmax(logits, 1) : at::sigmoid(logits);
  return {both.narrow(1, 0, 1), both.narrow(1, 1, 1)};
}

// Positions of one sequence after another, permuted within each.
at::Tensor Shuffled(const at::Tensor& gate, const std::string& name, const ForwardContext& pass) {
  std::vector<int64_t> order;
  for (int64_t b = 0; b < pass.batch; ++b) {
    const RandomStream stream(pass.intervention->seed, "shuffle/" + name + "/" + std::to_string(b));
    for (const uint32_t t : Permutation(stream, static_cast<uint32_t>(pass.sequence)))
      order.push_back(b * pass.sequence + t);
  }
  return gate.index_select(0, at::tensor(order, at::kLong).to(gate.device()));
}

Gates Intervene(const Gates& learned, const Block& block, const ForwardContext& pass) {
  const Intervention& change = *pass.intervention;
  Gates gates = learned;
  if (change.shuffle != "none") {
    const std::string place = block.place;
    gates.deep = Shuffled(gates.deep, place, pass);
    gates.wide = Shuffled(gates.wide, change.shuffle == "joint" ? place : place + "/wide", pass);
  }
  if (!change.set_gates) return gates;
  at::Tensor deep = at::full_like(gates.deep, change.gate_deep),
             wide = at::full_like(gates.wide, change.gate_wide);
  if (change.keep_sum) {
    const at::Tensor factor = (gates.deep + gates.wide) / (change.gate_deep + change.gate_wide);
    deep = deep * factor;
    wide = wide * factor;
  }
  if (change.positions.empty()) return {deep, wide};
  at::Tensor where = at::empty({pass.rows(), 1}, at::kBool);  // as many as positions:
                                                              // EvaluationPass has checked
  std::transform(change.positions.begin(), change.positions.end(), where.mutable_data_ptr<bool>(),
                 [](uint8_t set) { return set != 0; });
  where = where.to(deep.device());
  return {at::where(where, deep, gates.deep), at::where(where, wide, gates.wide)};
}

at::Tensor Norms(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, {1}, true);
}

void ReadOut(const Block& block, const at::Tensor& x, const Steps* steps, const at::Tensor& wide,
             const Gates* gates, ForwardContext& pass) {
  BlockReadout read;
  read.place = block.place;
  read.norm_input = ToHost(Norms(x));
  at::Tensor deep_norm, wide_norm;
  if (steps != nullptr) {
    deep_norm = Norms(steps->mixed - x);
    read.norm_deep = ToHost(deep_norm);
    read.scale_deep = ToHost(at::softplus(block.deep_scale));
    for (const at::Tensor& q : steps->routers) read.step_router.push_back(ToHost(q));
    if (!steps->weights.empty()) {
      at::Tensor expected = at::zeros_like(steps->weights.front());
      for (size_t k = 0; k < steps->weights.size(); ++k)
        expected = expected + static_cast<double>(k + 1) * steps->weights[k];
      read.expected_steps = ToHost(expected);
    }
  }
  if (wide.defined()) {
    wide_norm = Norms(wide - x);
    read.norm_wide = ToHost(wide_norm);
    read.scale_wide = at::softplus(block.wide_scale).item<float>();
  }
  if (gates != nullptr) {
    read.gate_deep = ToHost(gates->deep);
    read.gate_wide = ToHost(gates->wide);
    const at::Tensor deep = gates->deep * deep_norm, all = deep + gates->wide * wide_norm;
    read.deep_share = ToHost(at::where(all > 0, deep / all, at::zeros_like(deep)));
    const at::Tensor dot = ((steps->mixed - x) * (wide - x)).sum(1, true);
    read.cosine = ToHost(dot /
                         (deep_norm.clamp_min(kSmallestNorm) * wide_norm.clamp_min(kSmallestNorm)));
  }
  pass.readouts->push_back(std::move(read));
}

// What each path hears of the other one (1.6). Two gates take it beside the paths' outputs; a
// convex or fixed mix adds it to them, so that read-outs see it too.
struct Crossing {
  at::Tensor deep, wide;  // into each; undefined: nothing is left to add
};

at::Tensor Crossed(const at::Tensor& from, const at::Tensor& map, const at::Tensor& scale) {
  return at::softplus(scale) * at::linear(from, map);
}

Crossing Cross(const Block& block, at::Tensor* deep, at::Tensor* wide) {
  const model::Dual& dual = block.stack->dual;
  if (!dual.cross) return {};
  Crossing crossing{Crossed(*wide, block.cross_deep, block.cross_deep_scale),
                    Crossed(*deep, block.cross_wide, block.cross_wide_scale)};
  if (dual.gate == "two_gates" || dual.gate == "softmax") return crossing;
  *deep = *deep + crossing.deep;
  *wide = *wide + crossing.wide;
  return {};
}

// y of 1.5 and 1.6.
at::Tensor Combine(const Block& block, const at::Tensor& x, const at::Tensor& deep,
                   const at::Tensor& wide, const Crossing& crossing, const Gates& gates) {
  const at::Tensor y = block.stack->dual.residual == "preserved"
                           ? x + gates.deep * (deep - x) + gates.wide * (wide - x)
                           : gates.deep * deep + gates.wide * wide;
  return crossing.deep.defined() ? y + gates.deep * crossing.deep + gates.wide * crossing.wide : y;
}

}  // namespace

at::Tensor RunDual(const Block& block, const at::Tensor& x, ForwardContext& pass) {
  const model::Stack& stack = *block.stack;
  Steps steps;
  at::Tensor wide;
  if (stack.has_deep()) steps = RunDeep(block, x, pass);
  if (stack.has_wide()) wide = RunWide(block, x, pass);
  const bool both = stack.block == "dual_path";
  Gates gates;
  Crossing crossing;
  if (both) {
    gates = LearnedGates(block, x);
    crossing = Cross(block, &steps.mixed, &wide);
  }
  if (both && Concerns(pass.intervention, block)) gates = Intervene(gates, block, pass);
  if (pass.readouts != nullptr)
    ReadOut(block, x, stack.has_deep() ? &steps : nullptr, wide, both ? &gates : nullptr, pass);
  if (!both) return stack.has_deep() ? steps.mixed : wide;
  return Combine(block, x, steps.mixed, wide, crossing, gates);
}

}  // namespace braid::trainer
