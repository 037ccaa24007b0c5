// How two lists of numbers go together (STS-B, docs/papers/papaformer.md#s8.2).
#pragma once

#include <span>

namespace braid::trainer {

// Pearson's r, -1 to 1; 0 where one side is constant. REQUIRES: equal sizes.
double PearsonCorrelation(std::span<const double> x, std::span<const double> y);
// Pearson's r of the ranks; equal values share the mean of their ranks.
double SpearmanCorrelation(std::span<const double> x, std::span<const double> y);

}  // namespace braid::trainer
