// The deep path of the dual-path paper as a block of its own: the baseline that only loops
// (docs/papers/dual_path.md#s1).
#include "model/blocks/paths.h"
#include "model/blocks/widths.h"

namespace braid::model {
namespace {

constexpr const char* kLoopSettings[] = {"loops",      "ffn_deep",    "mix",    "skip_last_router",
                                         "scale_init", "scale_decay", "qk_norm"};

Status CheckLoopBlock(const Stack& stack, const std::string& where) {
  BRAID_RETURN_IF_ERROR(CheckDeep(stack, where));
  BRAID_RETURN_IF_ERROR(CheckNoWide(stack, where));
  BRAID_RETURN_IF_ERROR(CheckScales(stack, where));
  return CheckNoCross(stack, where);
}

// The budget less the routers is divided among K passes, each of which pays for its attention.
Result<Widths> SolveLoop(const WidthProblem& problem) {
  const auto K = static_cast<double>(problem.loops);
  Widths widths;
  BRAID_ASSIGN_OR_RETURN(widths.deep, LargestWidth((problem.budget - StepRouterFlops(problem)) / K -
                                                       AttentionFlops(problem),
                                                   problem.d, "deep"));
  return widths;
}

}  // namespace

extern const BlockKind kLoopBlock;
constinit const BlockKind kLoopBlock = {
    .name = "loop",
    .meaning = "one set of weights that runs `loops` times",
    .has_deep = true,
    .is_llama_layers = true,
    .settings = kLoopSettings,
    .check = &CheckLoopBlock,
    .add_tensors = &AddDeep,
    .flops = &DeepFlops,
    .solve_widths = &SolveLoop,
};

}  // namespace braid::model
