#include "model/blocks/widths.h"

#include <cmath>

#include "base/text.h"

namespace braid::model {
namespace {

constexpr int64_t kWidthMultiple = 64;  // of configured widths, and of effective ones while solving

}  // namespace

double AttentionFlops(const WidthProblem& problem) {
  const auto d = static_cast<double>(problem.d),
             v = static_cast<double>(problem.value_width == 0 ? problem.d : problem.value_width);
  return 4 * d * (d + v);
}

double StepRouterFlops(const WidthProblem& problem) {
  return 2 * static_cast<double>(problem.loops) * (static_cast<double>(problem.d) + 1);
}

Status TooWide(double hidden) {
  return InvalidArgument(
      Format("it would make a feed-forward of width %.3g, and %.0f is the most; it counts "
             "operations of one token "
             "and one layer",
             hidden, kMaxSolvedWidth));
}

Result<int64_t> LargestWidth(double flops, int64_t d, const std::string& path) {
  if (flops <= 0) {
    return InvalidArgument(Format(
        "the budget leaves the %s path nothing for a feed-forward: its attention alone costs %.0f "
        "operations too many; raise the budget or its share, or loop less",
        path.c_str(), -flops));
  }
  const double most = flops / (6.0 * static_cast<double>(d));
  if (most > kMaxSolvedWidth) return TooWide(most);
  // Counted up as in the published program: EffectiveWidth is a step function, whose inverse would
  // be wrong at its edges.
  int64_t width = kWidthMultiple;
  while (static_cast<double>(EffectiveWidth(width + kWidthMultiple, kWidthMultiple)) <= most)
    width += kWidthMultiple;
  return width;
}

int64_t RoundUp(double value) {
  return kWidthMultiple *
         static_cast<int64_t>(std::ceil(value / static_cast<double>(kWidthMultiple)));
}

}  // namespace braid::model
