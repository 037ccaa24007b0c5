// Numbers of bf16 as ranks exchange them: a sign, 8 bits of exponent and 7 of fraction, the upper
// half of a float.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace braid::trainer {

struct Bf16 {
  uint16_t bits = 0;
};

inline float ToFloat(Bf16 number) {
  return std::bit_cast<float>(static_cast<uint32_t>(number.bits) << 16);
}

// To the nearest, of two that are equally near to the one with an even fraction.
inline Bf16 ToBf16(float value) {
  if (std::isnan(value)) value = std::numeric_limits<float>::quiet_NaN();
  const auto bits = std::bit_cast<uint32_t>(value);
  return {static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

// The sum is rounded.
inline Bf16& operator+=(Bf16& sum, Bf16 value) {
  return sum = ToBf16(ToFloat(sum) + ToFloat(value));
}

}  // namespace braid::trainer
