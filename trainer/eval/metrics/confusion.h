// Outcomes of binary decisions, from which F1 and the Matthews correlation are computed.
#pragma once

#include <cstdint>
#include <span>

namespace braid::trainer {

// Counts of predictions by their outcome.
struct Confusion {
  int64_t true_positive = 0;
  int64_t true_negative = 0;
  int64_t false_positive = 0;
  int64_t false_negative = 0;
};

// Class 1 is positive, every other class negative. REQUIRES: equal sizes.
Confusion CountOutcomes(std::span<const int32_t> predicted, std::span<const int32_t> truth);

}  // namespace braid::trainer
