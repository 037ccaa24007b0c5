// The exponential function for the loops of the kernels. std::exp is a function call, which keeps
// the compiler from vectorising a loop; this is code without branches.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace braid::trainer {

// e^x with an error of at most 2 units in the last place for x in [-87, 88]; x outside of this
// range counts as its border. NaN stays NaN. Always inlined, since a call would keep the loops
// around it from being vectorised.
[[gnu::always_inline]] inline float Exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // x = n ln 2 + r with |r| <= ln 2 / 2. ln 2 is subtracted in two parts, so that r is exact; then
  // follows the polynomial of Cephes' expf for e^r.
  const float n = std::nearbyint(x * 1.44269504f);
  float r = std::fma(n, -0.693359375f, x);
  r = std::fma(n, 2.12194440e-4f, r);
  float p = std::fma(r, 1.9875691500e-4f, 1.3981999507e-3f);
  p = std::fma(p, r, 8.3334519073e-3f);
  p = std::fma(p, r, 4.1665795894e-2f);
  p = std::fma(p, r, 1.6666665459e-1f);
  p = std::fma(p, r, 5.0000001201e-1f);
  p = std::fma(p, r * r, r + 1.0f);
  return p * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace braid::trainer
