#include "model/blocks/paths.h"

#include <cmath>

#include "base/text.h"

namespace braid::model {
namespace {

Status Wrong(const std::string& where, const std::string& field, const std::string& message) {
  return InvalidArgument(where + ".dual." + field + ": " + message);
}

Status CheckHidden(const Stack& stack, const std::string& where, const std::string& field,
                   int64_t width) {
  if (width < 1)
    return Wrong(where, field,
                 std::string("a ") + stack.block->name + " block needs it, at least 1");
  if (width > kMaxHidden)
    return Wrong(where, field, Format("must be at most %lld", (long long)kMaxHidden));
  return OkStatus();
}

Status Absent(const Stack& stack, const std::string& where, const std::string& field,
              const std::string& part) {
  return Wrong(where, field, std::string("a ") + stack.block->name + " block has no " + part);
}

}  // namespace

void AddSublayers(const TensorList& to, const BlockShape& shape, int64_t ffn) {
  const Stack& stack = shape.stack;
  const Arch& arch = shape.arch;
  const int64_t w = stack.d, v = stack.value_width();
  // The two matrices that write into the residual stream: scaled by the depth of the stream, or
  // zero in a block that begins as the identity. Without attn.o, attn.v takes its place.
  double out = arch.residual_init == ResidualInit::kPlain
                   ? kInitDeviation
                   : kInitDeviation / std::sqrt(2.0 * static_cast<double>(shape.depth));
  if (stack.identity) out = 0;
  to.Gain("attn_norm.weight", w);
  to.Matrix("attn.q.weight", w, w);
  to.Matrix("attn.k.weight", v, w);
  to.Matrix("attn.v.weight", v, w, !arch.attn_out_proj && stack.identity ? 0 : kInitDeviation);
  if (arch.attn_out_proj) to.Matrix("attn.o.weight", w, w, out);
  if (stack.dual.qk_norm) {
    to.Gain("attn.q_norm.weight", stack.head_size());
    to.Gain("attn.k_norm.weight", stack.head_size());
  }
  to.Gain("ffn_norm.weight", w);
  to.Matrix("ffn.gate.weight", ffn, w);
  to.Matrix("ffn.up.weight", ffn, w);
  to.Matrix("ffn.down.weight", w, ffn, out);
  if (arch.ffn_gate == FfnGate::kBetaSwish) to.Constant("ffn.beta", ffn, Role::kBeta, 1);
}

Flops SublayerFlops(const Stack& stack, const Arch& arch, int64_t ffn, int64_t sequence) {
  const auto w = static_cast<double>(stack.d);
  const double attention = (arch.attn_out_proj ? 2 : 1) * w * w +
                           2 * w * static_cast<double>(stack.value_width());
  // Scores: on average a token attends to T / 2 others, with 2 w operations for its query and 2 w
  // for its mixture.
  return {2 * (attention + 3 * w * static_cast<double>(ffn)),
          2 * static_cast<double>(sequence) * w};
}

Role ScaleRole(const Dual& dual) {
  return dual.scale_decay ? Role::kDecayedScale : Role::kScale;
}

Status CheckDeep(const Stack& stack, const std::string& where) {
  const int64_t loops = stack.dual.loops;
  if (loops < 1 || loops > kMaxLoops) {
    return Wrong(where, "loops",
                 Format("must be in 1 .. %lld, is %lld", (long long)kMaxLoops, (long long)loops));
  }
  return CheckHidden(stack, where, "ffn_deep", stack.dual.ffn_deep);
}

void AddDeep(const TensorList& to, const BlockShape& shape) {
  const Dual& dual = shape.stack.dual;
  AddSublayers(to.In("deep"), shape, dual.ffn_deep);
  to.Constant("deep.scale", dual.loops, ScaleRole(dual), dual.scale_init);
  if (dual.mix != StepMix::kAct) return;
  to.Matrix("router.weight", 1, shape.stack.d + 1);
  to.Bias("router.bias", 1);
}

Flops DeepFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  const auto K = static_cast<double>(stack.dual.loops);
  Flops flops = K * SublayerFlops(stack, arch, stack.dual.ffn_deep, sequence);
  if (stack.dual.mix == StepMix::kAct)
    flops.projections += 2 * K * (static_cast<double>(stack.d) + 1);
  return flops;
}

Status CheckWide(const Stack& stack, const std::string& where) {
  return CheckHidden(stack, where, "ffn_wide", stack.dual.ffn_wide);
}

void AddWide(const TensorList& to, const BlockShape& shape) {
  const Dual& dual = shape.stack.dual;
  AddSublayers(to.In("wide"), shape, dual.ffn_wide);
  to.Constant("wide.scale", 1, ScaleRole(dual), dual.scale_init);
}

Flops WideFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  return SublayerFlops(stack, arch, stack.dual.ffn_wide, sequence);
}

Status CheckNoDeep(const Stack& stack, const std::string& where) {
  if (stack.dual.loops != 1) return Absent(stack, where, "loops", "deep path to loop");
  if (stack.dual.ffn_deep != 0) return Absent(stack, where, "ffn_deep", "deep path");
  return OkStatus();
}

Status CheckNoWide(const Stack& stack, const std::string& where) {
  return stack.dual.ffn_wide != 0 ? Absent(stack, where, "ffn_wide", "wide path") : OkStatus();
}

Status CheckNoCross(const Stack& stack, const std::string& where) {
  if (!stack.dual.cross) return OkStatus();
  return Wrong(where, "cross",
               "only a " + BlocksWithSetting("cross") + " block has two paths to connect");
}

Status CheckScales(const Stack& stack, const std::string& where) {
  return std::isfinite(stack.dual.scale_init) ? OkStatus()
                                              : Wrong(where, "scale_init", "must be finite");
}

}  // namespace braid::model
