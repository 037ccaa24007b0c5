// F1 of class 1: the harmonic mean of precision and recall (MRPC and QQP,
// docs/papers/papaformer.md#s8.2).
#pragma once

#include "trainer/eval/metrics/confusion.h"

namespace braid::trainer {

// 2 tp / (2 tp + fp + fn), from 0 to 1; 0 if class 1 is neither predicted nor true anywhere.
double F1(const Confusion& counts);

}  // namespace braid::trainer
