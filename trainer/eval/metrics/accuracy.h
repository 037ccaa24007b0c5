// Accuracy: the share of right answers.
#pragma once

#include <cstdint>
#include <span>

namespace braid::trainer {

// Equal entries divided by all entries, from 0 to 1. REQUIRES: equal sizes, at least one entry.
double Accuracy(std::span<const int32_t> predicted, std::span<const int32_t> truth);

}  // namespace braid::trainer
