// The wide path of the dual-path paper as a block of its own: the baseline without a loop
// (docs/papers/dual_path.md#s1).
#include "model/blocks/paths.h"
#include "model/blocks/widths.h"

namespace braid::model {
namespace {

constexpr const char* kWideSettings[] = {"ffn_wide", "scale_init", "scale_decay", "qk_norm"};

Status CheckWideBlock(const Stack& stack, const std::string& where) {
  BRAID_RETURN_IF_ERROR(CheckNoDeep(stack, where));
  BRAID_RETURN_IF_ERROR(CheckWide(stack, where));
  BRAID_RETURN_IF_ERROR(CheckScales(stack, where));
  return CheckNoCross(stack, where);
}

// The published rule rounds the effective width first and then what the configuration says.
Result<Widths> SolveWide(const WidthProblem& problem) {
  const auto d = static_cast<double>(problem.d);
  const double hidden = (problem.budget - AttentionFlops(problem)) / (6 * d);
  if (hidden <= 0) return InvalidArgument("attention alone costs more");
  if (hidden > kMaxSolvedWidth) return TooWide(hidden);
  Widths widths;
  widths.wide = RoundUp(1.5 * static_cast<double>(RoundUp(hidden)));
  return widths;
}

}  // namespace

extern const BlockKind kWideBlock;
constinit const BlockKind kWideBlock = {
    .name = "wide",
    .meaning = "the same with scaled sublayers, of hidden width `ffn_wide`",
    .has_wide = true,
    .is_llama_layers = true,
    .settings = kWideSettings,
    .check = &CheckWideBlock,
    .add_tensors = &AddWide,
    .flops = &WideFlops,
    .solve_widths = &SolveWide,
};

}  // namespace braid::model
