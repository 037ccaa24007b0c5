// Mean and standard deviation of repeated measurements, such as scores over seeds.
#pragma once

#include <span>

namespace braid::trainer {

// The mean; 0 for an empty series.
double Mean(std::span<const double> values);
// The sample standard deviation (divided by n - 1); 0 for fewer than two values.
double StandardDeviation(std::span<const double> values);

}  // namespace braid::trainer
