#include "trainer/eval/metrics/confusion.h"

#include "base/status.h"

namespace braid::trainer {

Confusion CountOutcomes(std::span<const int32_t> predicted, std::span<const int32_t> truth) {
  BRAID_CHECK(predicted.size() == truth.size());
  Confusion counts;
  for (size_t i = 0; i < truth.size(); ++i) {
    const bool said = predicted[i] == 1;
    if (truth[i] == 1) {
      ++(said ? counts.true_positive : counts.false_negative);
    } else {
      ++(said ? counts.false_positive : counts.true_negative);
    }
  }
  return counts;
}

}  // namespace braid::trainer
