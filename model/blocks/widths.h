// Parts of the iso-FLOP width solver that several blocks share (docs/papers/dual_path.md#s5).
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/dual_width.h"

namespace braid::model {

// The largest hidden width that the solver returns: a budget that leads to a wider feed-forward was
// mistyped.
inline constexpr double kMaxSolvedWidth = 1 << 24;

// Operations per token of the four weight products of one attention: 8 d^2, or 4 d^2 + 4 d
// value_width where queries share keys and values.
double AttentionFlops(const WidthProblem& problem);
// Operations per token of the routers of all K steps of a deep path: 2 K (d + 1).
double StepRouterFlops(const WidthProblem& problem);

// The largest multiple of 64 whose effective width costs at most `flops` in a feed-forward of width
// d; at least 64, as the published solver has it, if there is anything to spend at all. `path`
// names the feed-forward in the error.
Result<int64_t> LargestWidth(double flops, int64_t d, const std::string& path);

// The multiple of 64 that is not below `value`.
int64_t RoundUp(double value);

// kInvalidArgument: the budget would make a feed-forward of that width.
Status TooWide(double hidden);

}  // namespace braid::model
