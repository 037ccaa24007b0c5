#include "model/dual_width.h"

#include <cmath>

#include "base/text.h"

namespace braid::model {
namespace {

constexpr int64_t kMultiple = 64;  // of configured widths, and of effective ones while solving

// No feed-forward is wider: a budget that asks for more was mistyped.
constexpr double kWidest = 1 << 24;

Status TooWide(double hidden) {
  return InvalidArgument(
      Format("it would make a feed-forward of width %.3g, and %.0f is the most; it counts "
             "operations of one token "
             "and one layer",
             hidden, kWidest));
}

// The largest multiple of 64 whose effective width costs at most `flops` in a feed-forward of width
// d; at least 64, as the published solver has it, if there is anything to spend at all.
Result<int64_t> LargestWidth(double flops, int64_t d, const std::string& path) {
  if (flops <= 0) {
    return InvalidArgument(Format(
        "the budget leaves the %s path nothing for a feed-forward: its attention alone costs %.0f "
        "operations too many; raise the budget or its share, or loop less",
        path.c_str(), -flops));
  }
  const double most = flops / (6.0 * static_cast<double>(d));
  if (most > kWidest) return TooWide(most);
  int64_t width = kMultiple;
  while (static_cast<double>(EffectiveWidth(width + kMultiple, kMultiple)) <= most)
    width += kMultiple;
  return width;
}

int64_t RoundUp(double value, int64_t multiple) {
  return multiple * static_cast<int64_t>(std::ceil(value / static_cast<double>(multiple)));
}

}  // namespace

int64_t EffectiveWidth(int64_t d_ffn, int64_t multiple) {
  return (2 * d_ffn / 3 + multiple - 1) / multiple * multiple;
}

Result<Widths> SolveWidths(const WidthProblem& problem) {
  const auto d = static_cast<double>(problem.d);
  const auto K = static_cast<double>(problem.loops);
  if (problem.d < 1) return InvalidArgument("d: must be at least 1");
  if (problem.loops < 1) return InvalidArgument("loops: must be at least 1");
  if (!(problem.alpha > 0 && problem.alpha < 1))
    return InvalidArgument("alpha: must be above 0 and below 1");
  if (problem.flop_match != "projections" && problem.flop_match != "total") {
    return InvalidArgument("flop_match: expected projections or total, found \"" +
                           problem.flop_match + "\"");
  }
  const double attention = 8 * d * d, router = 2 * K * (d + 1), gate = 4 * d;
  double budget = problem.budget;
  if (problem.flop_match == "total" && problem.block != "dual_path") {
    const double passes = problem.block == "wide" ? 1 : K;
    const double of_dual = problem.against > 0 ? static_cast<double>(problem.against) : K;
    budget += (of_dual + 1 - passes) * 2 * static_cast<double>(problem.sequence) * d;
  }
  Widths widths;
  if (problem.block == "wide") {
    const double hidden = (budget - attention) / (6 * d);
    if (hidden <= 0) return InvalidArgument("attention alone costs more");
    if (hidden > kWidest) return TooWide(hidden);
    widths.wide = RoundUp(1.5 * static_cast<double>(RoundUp(hidden, kMultiple)), kMultiple);
    return widths;
  }
  if (problem.block == "loop") {
    BRAID_ASSIGN_OR_RETURN(widths.deep,
                           LargestWidth((budget - router) / K - attention, problem.d, "deep"));
    return widths;
  }
  if (problem.block != "dual_path")
    return InvalidArgument("block: expected wide, loop or dual_path, found \"" + problem.block +
                           "\"");
  const double left = budget - gate - router;
  BRAID_ASSIGN_OR_RETURN(widths.deep,
                         LargestWidth(problem.alpha * left / K - attention, problem.d, "deep"));
  BRAID_ASSIGN_OR_RETURN(widths.wide,
                         LargestWidth((1 - problem.alpha) * left - attention, problem.d, "wide"));
  return widths;
}

}  // namespace braid::model
