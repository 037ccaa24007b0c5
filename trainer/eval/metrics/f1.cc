#include "trainer/eval/metrics/f1.h"

namespace braid::trainer {

double F1(const Confusion& counts) {
  const int64_t below = 2 * counts.true_positive + counts.false_positive + counts.false_negative;
  return below == 0 ? 0.0
                    : 2.0 * static_cast<double>(counts.true_positive) / static_cast<double>(below);
}

}  // namespace braid::trainer
