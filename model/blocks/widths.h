// Parts of the iso-FLOP width solver that several blocks share (docs/papers/dual_path.md#s5).
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/dual_width.h"

namespace braid::model {

// No feed-forward is wider: a budget that asks for more was mistyped.
inline constexpr double kMaxSolvedWidth = 1 << 24;

// The products with the weights of one attention, for a token: 8 d^2, or 4 d^2 + 4 d value_width.
double AttentionFlops(const WidthProblem& problem);
// The routers of all steps of a deep path, for a token: 2 K (d + 1).
double StepRouterFlops(const WidthProblem& problem);

// The largest multiple of 64 whose effective width costs at most `flops` in a feed-forward of width
// d; at least 64, as the published solver has it, if there is anything to spend at all. `path` is
// how the error calls it.
Result<int64_t> LargestWidth(double flops, int64_t d, const std::string& path);

// The multiple of 64 that is not below `value`.
int64_t RoundUp(double value);

// kInvalidArgument: the budget would make a feed-forward of that width.
Status TooWide(double hidden);

}  // namespace braid::model
