#include "model/dual_width.h"

#include "base/text.h"

namespace braid::model {

int64_t EffectiveWidth(int64_t d_ffn, int64_t multiple) {
  // 2 * d_ffn / 3 rounds down, as the published program does, and then up to the multiple.
  return (2 * d_ffn / 3 + multiple - 1) / multiple * multiple;
}

Result<Widths> SolveWidths(const WidthProblem& problem) {
  if (problem.d < 1) return InvalidArgument("d: must be at least 1");
  if (problem.loops < 1) return InvalidArgument("loops: must be at least 1");
  if (!(problem.alpha > 0 && problem.alpha < 1))
    return InvalidArgument("alpha: must be above 0 and below 1");
  if (problem.block->solve_widths == nullptr) {
    return InvalidArgument(std::string("block: ") + problem.block->name +
                           " has no widths that a budget decides");
  }
  // Under kTotal a baseline may spend on products what its fewer passes of attention save: a pass
  // costs 2 T d for the scores of a token.
  WidthProblem counted = problem;
  if (problem.flop_match == FlopMatch::kTotal && !problem.block->has_gates) {
    const auto K = static_cast<double>(problem.loops);
    const double passes = problem.block->has_deep ? K : 1;
    const double of_dual = problem.against > 0 ? static_cast<double>(problem.against) : K;
    counted.budget += (of_dual + 1 - passes) * 2 * static_cast<double>(problem.sequence) *
                      static_cast<double>(problem.d);
  }
  return problem.block->solve_widths(counted);
}

}  // namespace braid::model
