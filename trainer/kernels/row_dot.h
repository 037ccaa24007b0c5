// The sum of products of two rows.
#pragma once

#include <cstdint>

namespace braid::trainer {

// The dot product of a [count] and b [count]. Sixteen partial sums, which compilers turn into
// vectors, give the same bits whatever the width of the vectors is.
inline float RowDot(const float* a, const float* b, int64_t count) {
  constexpr int64_t kSums = 16;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) sums[j] += a[i + j] * b[i + j];
  }
  float sum = 0;
  for (const float one : sums) sum += one;
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace braid::trainer
