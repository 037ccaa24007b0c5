// Mean and spread of repeated measurements: scores over seeds.
#pragma once

#include <span>

namespace braid::trainer {

// 0 for none.
double Mean(std::span<const double> values);
// The sample's standard deviation (divided by n - 1); 0 for fewer than two values.
double StandardDeviation(std::span<const double> values);

}  // namespace braid::trainer
