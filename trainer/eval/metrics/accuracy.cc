#include "trainer/eval/metrics/accuracy.h"

#include "base/status.h"

namespace braid::trainer {

double Accuracy(std::span<const int32_t> predicted, std::span<const int32_t> truth) {
  BRAID_CHECK(predicted.size() == truth.size() && !truth.empty());
  int64_t right = 0;
  for (size_t i = 0; i < truth.size(); ++i) right += predicted[i] == truth[i];
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

}  // namespace braid::trainer
