// Matthews correlation of yes/no decisions (CoLA, docs/papers/papaformer.md#s8.2).
#pragma once

#include "trainer/eval/metrics/confusion.h"

namespace braid::trainer {

// (tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn)), -1 to 1; 0 where the root is 0 (all
// of one class).
double MatthewsCorrelation(const Confusion& counts);

}  // namespace braid::trainer
