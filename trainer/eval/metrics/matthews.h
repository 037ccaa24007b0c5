// The Matthews correlation of binary decisions (CoLA, docs/papers/papaformer.md#s8.2).
#pragma once

#include "trainer/eval/metrics/confusion.h"

namespace braid::trainer {

// (tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn)), from -1 to 1; 0 if the root is 0,
// because all predictions or all labels are of one class.
double MatthewsCorrelation(const Confusion& counts);

}  // namespace braid::trainer
