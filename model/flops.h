// Floating point operations of a model, by both accountings of the dual-path specification (section
// 5).
#pragma once

#include "model/spec.h"

namespace braid::model {

// Floating-point operations per token of a forward pass. A multiply-add counts as 2; norms, softmax
// and activations are not counted.
struct Flops {
  // All products with weights: accounting A.
  double projections = 0;
  // Attention's products between positions: the scores, and the weighted sum of values. A token
  // sees half of the T positions on average, so that both together take 2 T w in each pass of width
  // w.
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

// The operations of one block of `stack`, for sequences of `sequence` tokens.
Flops BlockFlops(const Stack& stack, const Arch& arch, int64_t sequence);
// The operations of the whole model, head included, for sequences of T = spec.sequence tokens.
Flops ForwardFlops(const ModelSpec& spec);
// ForwardFlops(spec).full_square(). Training costs three times as much.
double ForwardFlopsPerToken(const ModelSpec& spec);

}  // namespace braid::model
