// Both paths side by side and gates that weigh them (docs/papers/dual_path.md#s1.5,
// docs/models.md).
#include <ATen/ATen.h>

#include <algorithm>

#include "base/random.h"
#include "trainer/kernels/functions.h"
#include "trainer/network/blocks/paths.h"
#include "trainer/network/blocks/readout.h"

namespace braid::trainer {
namespace {

using model::DualGate;

// Positions of one sequence after another, permuted within each.
at::Tensor Shuffled(const at::Tensor& gate, const std::string& name, const ForwardContext& pass) {
  std::vector<int64_t> order;
  const std::vector<int64_t> lengths = pass.Lengths();
  for (size_t b = 0; b < lengths.size(); ++b) {
    const RandomStream stream(pass.intervention->seed, "shuffle/" + name + "/" + std::to_string(b));
    const auto first = static_cast<int64_t>(order.size());
    for (const uint32_t t : Permutation(stream, static_cast<uint32_t>(lengths[b])))
      order.push_back(first + t);
  }
  return gate.index_select(0, at::tensor(order, at::kLong).to(gate.device()));
}

Gates Intervene(const Gates& learned, const std::string& place, const ForwardContext& pass) {
  const Intervention& change = *pass.intervention;
  Gates gates = learned;
  if (change.shuffle != GateShuffle::kNone) {
    const bool joint = change.shuffle == GateShuffle::kJoint;
    gates.deep = Shuffled(gates.deep, place, pass);
    gates.wide = Shuffled(gates.wide, joint ? place : place + "/wide", pass);
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

// What each path hears of the other one (docs/models.md, `cross`). Two gates take it beside the
// paths' outputs; a convex or fixed mix adds it to them, so that read-outs see it too.
struct Crossing {
  at::Tensor deep, wide;  // into each; undefined: nothing is left to add
};

at::Tensor Crossed(const at::Tensor& from, const at::Tensor& map, const at::Tensor& scale,
                   const ForwardContext& pass) {
  return at::softplus(scale) * Mapped(from, map, pass);
}

class DualPathBlock : public Block {
 public:
  DualPathBlock(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
      : Block(at), deep_(leaf, at, arch), wide_(leaf, at, arch) {
    const model::Dual& dual = at.stack.dual;
    const int64_t w = at.stack.d;
    if (dual.gate != DualGate::kFixed) {
      const int64_t gates = dual.gate == DualGate::kConvex ? 1 : 2;
      gate_ = leaf(at.place + ".gate.weight", {gates, w});
      gate_bias_ = leaf(at.place + ".gate.bias", {gates});
    }
    if (!dual.cross) return;
    cross_deep_ = leaf(at.place + ".cross.deep.weight", {w, w});
    cross_wide_ = leaf(at.place + ".cross.wide.weight", {w, w});
    cross_deep_scale_ = leaf(at.place + ".cross.deep_scale", {1});
    cross_wide_scale_ = leaf(at.place + ".cross.wide_scale", {1});
  }

  at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const override {
    const Intervention* change = ChangeOf(pass, layer());
    Steps steps = deep_.Run(x, change, pass);
    at::Tensor wide = wide_.Run(x, pass);
    Gates gates = LearnedGates(x);
    const Crossing crossing = Cross(&steps.mixed, &wide, pass);
    if (change != nullptr) gates = Intervene(gates, place(), pass);
    if (pass.readouts != nullptr) ReadOut({place(), x, &deep_, &steps, &wide_, wide, &gates}, pass);
    return Combine(x, steps.mixed, wide, crossing, gates);
  }
  std::vector<Attention> Attentions() override { return {deep_.attention(), wide_.attention()}; }

 private:
  Gates LearnedGates(const at::Tensor& x) const;
  Crossing Cross(at::Tensor* deep, at::Tensor* wide, const ForwardContext& pass) const;
  at::Tensor Combine(const at::Tensor& x, const at::Tensor& deep, const at::Tensor& wide,
                     const Crossing& crossing, const Gates& gates) const;

  DeepPath deep_;
  WidePath wide_;
  at::Tensor gate_, gate_bias_;                     // [1 or 2, w], [1 or 2]
  at::Tensor cross_deep_, cross_wide_;              // [w, w]
  at::Tensor cross_deep_scale_, cross_wide_scale_;  // [1]
};

Gates DualPathBlock::LearnedGates(const at::Tensor& x) const {
  const DualGate kind = stack().dual.gate;
  if (kind == DualGate::kFixed) {
    const at::Tensor half = at::full({x.size(0), 1}, 0.5, x.options());
    return {half, half};
  }
  const at::Tensor logits = at::linear(x, gate_, gate_bias_);
  if (kind == DualGate::kConvex) {
    const at::Tensor deep = at::sigmoid(logits);
    return {deep, 1 - deep};
  }
  const at::Tensor both = kind == DualGate::kSoftmax ? at::softmax(logits, 1) : at::sigmoid(logits);
  return {both.narrow(1, 0, 1), both.narrow(1, 1, 1)};
}

Crossing DualPathBlock::Cross(at::Tensor* deep, at::Tensor* wide,
                              const ForwardContext& pass) const {
  const model::Dual& dual = stack().dual;
  if (!dual.cross) return {};
  Crossing crossing{Crossed(*wide, cross_deep_, cross_deep_scale_, pass),
                    Crossed(*deep, cross_wide_, cross_wide_scale_, pass)};
  if (dual.gate == DualGate::kTwoGates || dual.gate == DualGate::kSoftmax) return crossing;
  *deep = *deep + crossing.deep;
  *wide = *wide + crossing.wide;
  return {};
}

// y of docs/papers/dual_path.md#s1.5 and of its variants.
at::Tensor DualPathBlock::Combine(const at::Tensor& x, const at::Tensor& deep,
                                  const at::Tensor& wide, const Crossing& crossing,
                                  const Gates& gates) const {
  const at::Tensor y = stack().dual.residual == model::DualResidual::kPreserved
                           ? x + gates.deep * (deep - x) + gates.wide * (wide - x)
                           : WeightedSum({deep, wide}, {gates.deep, gates.wide});
  return crossing.deep.defined() ? y + gates.deep * crossing.deep + gates.wide * crossing.wide : y;
}

}  // namespace

extern const BlockMaker kDualPathMaker;
constinit const BlockMaker kDualPathMaker = {
    "dual_path",
    [](const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
        -> std::unique_ptr<Block> { return std::make_unique<DualPathBlock>(leaf, at, arch); }};

}  // namespace braid::trainer
