// The CPU form of HeadLoss (functions.h).
#pragma once

#include <cstdint>

#include "trainer/kernels/simd/precision.h"

namespace braid::trainer {

// The operands of HeadLoss as pointers to row-major arrays.
struct HeadLossOperands {
  const float* hidden;  // [rows, width]
  const float* head;    // [vocab, width]
  const int64_t* labels;
  int64_t rows, width, vocab;
  float scale;
  float* dx;                               // [rows, width]; null: no gradients
  float* dhead;                            // [vocab, width] is added to
  float* losses;                           // [rows], those of ignored rows are left; may be null
  Precision precision = Precision::kFp32;  // of the products with the head
};

// Returns the sum of the losses in nats over rows with a label of 0 or more. Writes dx, losses and
// adds to dhead as the fields say.
double HeadLossCpu(const HeadLossOperands& operands);

}  // namespace braid::trainer
