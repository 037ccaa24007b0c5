// Floating point operations of a model, by both accountings of the dual-path specification (section
// 5).
#pragma once

#include "model/spec.h"

namespace braid::model {

// Forward, per token, 2 a multiply-add; norms, softmax and activations are not counted.
struct Flops {
  double projections = 0;  // A: all products with weights
  double scores = 0;  // B is A + this: scores and mix of attention, the causal average 2 T w of
                      // each pass

  double causal() const { return projections + scores; }  // accounting B
  double full_square() const {
    return projections + 2 * scores;
  }  // full T x T attention, docs/papers/papaformer.md#s2.2

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
