// The block of the dual-path paper: a deep path that loops and a wide one side by side, weighed by
// gates (docs/papers/dual_path.md#s1).
#include "model/blocks/paths.h"
#include "model/blocks/widths.h"

namespace braid::model {
namespace {

constexpr double kCrossScale = -7;  // where the scales of the maps between the paths begin

constexpr const char* kDualPathSettings[] = {
    "loops",      "ffn_deep",         "ffn_wide",    "gate",    "mix",  "residual",
    "scale_init", "skip_last_router", "scale_decay", "qk_norm", "cross"};

// Numbers that the gates are made of.
int64_t GateOutputs(const Dual& dual) {
  switch (dual.gate) {
    case DualGate::kFixed:
      return 0;
    case DualGate::kConvex:
      return 1;
    default:
      return 2;
  }
}

Status CheckDualPath(const Stack& stack, const std::string& where) {
  BRAID_RETURN_IF_ERROR(CheckDeep(stack, where));
  BRAID_RETURN_IF_ERROR(CheckWide(stack, where));
  return CheckScales(stack, where);
}

void AddDualPath(const TensorList& to, const BlockShape& shape) {
  const int64_t w = shape.stack.d;
  const Dual& dual = shape.stack.dual;
  AddDeep(to, shape);
  AddWide(to, shape);
  // Zeros: at the start every token weighs both paths alike.
  if (const int64_t gates = GateOutputs(dual); gates > 0) {
    to.Matrix("gate.weight", gates, w, /*deviation=*/0);
    to.Bias("gate.bias", gates);
  }
  if (!dual.cross) return;
  for (const char* into : {"deep", "wide"}) {
    to.Matrix(std::string("cross.") + into + ".weight", w, w, /*deviation=*/0);
    to.Constant(std::string("cross.") + into + "_scale", 1, ScaleRole(dual), kCrossScale);
  }
}

Flops DualPathFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  const auto w = static_cast<double>(stack.d);
  Flops flops = DeepFlops(stack, arch, sequence);
  flops += WideFlops(stack, arch, sequence);
  flops.projections += 2 * static_cast<double>(GateOutputs(stack.dual)) * w;
  if (stack.dual.cross) flops.projections += 4 * w * w;
  return flops;
}

// What gate and step routers leave of the budget is divided by alpha; the deep path divides its
// part among K passes.
Result<Widths> SolveDualPath(const WidthProblem& problem) {
  const auto d = static_cast<double>(problem.d), K = static_cast<double>(problem.loops);
  const double attention = AttentionFlops(problem), gate = 4 * d,
               left = problem.budget - gate - StepRouterFlops(problem);
  Widths widths;
  BRAID_ASSIGN_OR_RETURN(widths.deep,
                         LargestWidth(problem.alpha * left / K - attention, problem.d, "deep"));
  BRAID_ASSIGN_OR_RETURN(widths.wide,
                         LargestWidth((1 - problem.alpha) * left - attention, problem.d, "wide"));
  return widths;
}

}  // namespace

extern const BlockKind kDualPathBlock;
constinit const BlockKind kDualPathBlock = {
    .name = "dual_path",
    .meaning = "a `loop` and a `wide` path side by side, weighed by gates",
    .has_deep = true,
    .has_wide = true,
    .has_gates = true,
    .settings = kDualPathSettings,
    .check = &CheckDualPath,
    .add_tensors = &AddDualPath,
    .flops = &DualPathFlops,
    .solve_widths = &SolveDualPath,
};

}  // namespace braid::model
