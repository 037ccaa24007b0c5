// Correlation coefficients of two series (STS-B, docs/papers/papaformer.md#s8.2).
#pragma once

#include <span>

namespace braid::trainer {

// Pearson's r, from -1 to 1; 0 if one series is constant. REQUIRES: equal sizes.
double PearsonCorrelation(std::span<const double> x, std::span<const double> y);
// Pearson's r of the ranks, where equal values share the mean of their ranks. REQUIRES: equal
// sizes.
double SpearmanCorrelation(std::span<const double> x, std::span<const double> y);

}  // namespace braid::trainer
