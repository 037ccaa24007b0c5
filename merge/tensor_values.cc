#include "merge/tensor_values.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace braid::merge {
namespace {

// Values that are looked at together. The number is known to the compiler, which makes vectors of
// them.
constexpr int64_t kBlock = 64;

uint32_t BitsAt(const char* values, int64_t i) {
  uint32_t bits = 0;
  std::memcpy(&bits, values + i * int64_t{sizeof bits}, sizeof bits);
  return bits;
}

// The highest bit tells whether one of the values is NaN or infinite, or negative if `kSquares`.
template <bool kSquares>
uint32_t Faults(const char* values) {
  uint32_t faults = 0;
  for (int64_t i = 0; i < kBlock; ++i) {
    const uint32_t bits = BitsAt(values, i);
    // An exponent of all ones, and no other, carries into the sign.
    faults |= (bits & 0x7FFFFFFFu) + 0x00800000u;
    // A sign, unless of -0, which is as good as 0.
    if (kSquares) faults |= bits & (bits - 1);
  }
  return faults >> 31;
}

bool IsPossible(uint32_t bits, bool second_moments) {
  const auto value = std::bit_cast<float>(bits);
  return std::isfinite(value) && !(second_moments && value < 0);
}

}  // namespace

int64_t FirstImpossible(const void* values, int64_t count, bool second_moments) {
  const char* bytes = static_cast<const char*>(values);
  int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    const char* block = bytes + i * int64_t{sizeof(float)};
    if ((second_moments ? Faults<true>(block) : Faults<false>(block)) != 0) break;
  }
  while (i < count && IsPossible(BitsAt(bytes, i), second_moments)) ++i;
  return i;
}

}  // namespace braid::merge
