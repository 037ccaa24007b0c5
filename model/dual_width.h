// The iso-FLOP width solver of the dual-path paper (docs/papers/dual_path.md#s5): which
// feed-forward widths make an arm cost a given number of operations per token and layer.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/block.h"
#include "schema/words.h"

namespace braid::model {

// h_eff(f, m) = m ceil(floor(2f / 3) / m): the hidden width that a configured d_ffn of f becomes.
int64_t EffectiveWidth(int64_t d_ffn, int64_t multiple);

// What the budget counts: accounting A, products with weights, as published; or A and the scores of
// attention.
enum class FlopMatch { kProjections, kTotal };
const schema::Words& WordsOf(FlopMatch);

// The input of the solver: find the feed-forward widths with which a block of kind `block` costs
// `budget`.
struct WidthProblem {
  const BlockKind* block = &kLlamaBlock;  // one that has BlockKind::solve_widths
  int64_t d = 0;
  int64_t loops = 1;   // K
  double budget = 0;   // F_M, operations per token and layer
  double alpha = 0.5;  // share of the budget for the deep path, in blocks with both paths
  FlopMatch flop_match = FlopMatch::kProjections;
  int64_t sequence = 256;  // for kTotal
  int64_t against = 0;  // for kTotal of a baseline: K of the dual model that it is compared with;
                        // 0: its own `loops`
  int64_t value_width = 0;  // of all heads of keys, and of values; 0: d
};

// Configured widths (d_ffn); 0 for a path that the block does not have. EffectiveWidth makes hidden
// widths of them.
struct Widths {
  int64_t deep = 0;
  int64_t wide = 0;
};

// Solves for the widths. kInvalidArgument if attention alone costs more than a path's share of the
// budget. Under kTotal the published rule holds: a dual model of K steps keeps F_M, a baseline of n
// passes gets F_M + (K + 1 - n) scores of a pass.
Result<Widths> SolveWidths(const WidthProblem& problem);

}  // namespace braid::model
