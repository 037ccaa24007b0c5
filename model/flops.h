// Floating point operations of a model, by both accountings of the dual-path specification (section
// 5).
#pragma once

#include "model/spec.h"

namespace braid::model {

// Forward, per token, 2 a multiply-add; norms, softmax and activations are not counted.
struct Flops {
  // All products with weights: accounting A.
  double projections = 0;
  // What attention does with positions: the scores, and the mix of values by them. A token sees
  // half of the T positions on average, so that both together take 2 T w in each pass of width w.
  double scores = 0;

  // Accounting B: attention as it is computed, below the diagonal alone.
  double causal() const { return projections + scores; }
  // The same with attention counted as full T x T products, as
  // docs/papers/papaformer.md#s2.2 has it.
  double full_square() const { return projections + 2 * scores; }

  Flops& operator+=(const Flops& more) {
    projections += more.projections;
    scores += more.scores;
    return *this;
  }
  friend Flops operator*(double factor, const Flops& flops) {
    return {factor * flops.projections, factor * flops.scores};
  }
};

// One block, at sequences of `sequence` tokens.
Flops BlockFlops(const Stack& stack, const Arch& arch, int64_t sequence);
// The whole model, head included, at T = spec.sequence.
Flops ForwardFlops(const ModelSpec& spec);
// ForwardFlops(spec).full_square(). Training costs three times as much.
double ForwardFlopsPerToken(const ModelSpec& spec);

}  // namespace braid::model
