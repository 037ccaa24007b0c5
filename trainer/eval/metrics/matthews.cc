#include "trainer/eval/metrics/matthews.h"

#include <cmath>

namespace braid::trainer {

double MatthewsCorrelation(const Confusion& counts) {
  // Doubles, because the product of four counts overflows 64 bits for large sets.
  const auto tp = static_cast<double>(counts.true_positive),
             tn = static_cast<double>(counts.true_negative);
  const auto fp = static_cast<double>(counts.false_positive),
             fn = static_cast<double>(counts.false_negative);
  const double root = std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
  return root == 0 ? 0.0 : (tp * tn - fp * fn) / root;
}

}  // namespace braid::trainer
