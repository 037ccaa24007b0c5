// Share of right answers.
#pragma once

#include <cstdint>
#include <span>

namespace braid::trainer {

// Number of equal entries over the number of entries, 0 to 1. REQUIRES: equal sizes, at least one
// entry.
double Accuracy(std::span<const int32_t> predicted, std::span<const int32_t> truth);

}  // namespace braid::trainer
