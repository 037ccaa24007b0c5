// Vectors of floats in the width of the instruction set that is being compiled for. Included once
// by each source of this folder that defines BRAID_LANES; everything is internal to that source,
// because the linker would otherwise keep one copy for all of them.
#pragma once

#include <stdint.h>

namespace braid::trainer {
namespace {

// Floats of a vector, and columns of a packed panel.
constexpr int64_t kLanes = BRAID_LANES;
constexpr int64_t kPanel = 2 * kLanes;
// Rows of a register tile. With two vectors of columns the sums of a tile fill most registers: 12
// of 16, or 24 of the 32 of AVX-512.
constexpr int64_t kTileRows = kLanes == 16 ? 12 : 6;

// Vectors in registers, at any address of a float, and of the bits of floats.
typedef float Vector __attribute__((vector_size(4 * BRAID_LANES)));
typedef float UnalignedVector __attribute__((vector_size(4 * BRAID_LANES), aligned(4), may_alias));
typedef int32_t IntVector __attribute__((vector_size(4 * BRAID_LANES)));

#define BRAID_INLINE [[gnu::always_inline]] inline

// Read and write a vector at any address of a float; a vector of equal elements.
BRAID_INLINE Vector Load(const float* x) {
  return *reinterpret_cast<const UnalignedVector*>(x);
}
BRAID_INLINE void Store(float* x, Vector value) {
  *reinterpret_cast<UnalignedVector*>(x) = value;
}
BRAID_INLINE Vector Splat(float x) {
  return x - Vector{};
}
// The first `count` <= kLanes elements; the others are zero.
BRAID_INLINE Vector LoadSome(const float* x, int64_t count) {
  float all[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) all[i] = x[i];
  return Load(all);
}
// Writes the first `count` elements of the vector only.
BRAID_INLINE void StoreSome(float* x, int64_t count, Vector value) {
  float all[kLanes];
  Store(all, value);
  for (int64_t i = 0; i < count; ++i) x[i] = all[i];
}
// The sum of the elements, added up in halves.
BRAID_INLINE float Sum(Vector value) {
  float all[kLanes];
  Store(all, value);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) all[i] += all[i + half];
  }
  return all[0];
}
// The larger of two; `a` if either is NaN.
BRAID_INLINE Vector Larger(Vector a, Vector b) {
  return b > a ? b : a;
}
// The largest element.
BRAID_INLINE float Largest(Vector value) {
  float all[kLanes];
  Store(all, value);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) all[i] = all[i + half] > all[i] ? all[i + half] : all[i];
  }
  return all[0];
}
// The square root of each element, correctly rounded.
BRAID_INLINE Vector SquareRoot(Vector x) {
  Vector root;
  for (int64_t i = 0; i < kLanes; ++i) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

// e^x with an error of at most 2 units in the last place for x in [-87, 88]; x below this range
// counts as its border. NaN stays NaN.
BRAID_INLINE Vector ExpBelow(Vector x) {
  const Vector low = Splat(-87.0f);
  x = low > x ? low : x;
  // Adding 1.5 * 2^23 rounds to a whole number n, which then stands in the lowest bits; 127 more is
  // the bias of an exponent.
  const Vector shift = Splat(12582912.0f + 127.0f);
  const Vector shifted = x * 1.44269504f + shift;
  const Vector n = shifted - shift;
  // x = n ln 2 + r with |r| <= ln 2 / 2. ln 2 is subtracted in two parts, so that r is exact; then
  // follows the polynomial of Cephes' expf for e^r.
  Vector r = n * -0.693359375f + x;
  r = n * 2.12194440e-4f + r;
  Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  const IntVector exponent = reinterpret_cast<IntVector>(shifted) << 23;
  return p * reinterpret_cast<Vector>(exponent);
}
// The same, and x above the range counts as its border, too.
BRAID_INLINE Vector Exp(Vector x) {
  const Vector high = Splat(88.0f);
  return ExpBelow(high < x ? high : x);
}

// Calls each(load, store, at) for every vector of `count` elements, with functions that read and
// write the vector at `at` of an array; those of the last one mind the end.
template <typename Each>
BRAID_INLINE void ForEachVector(int64_t count, Each each) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    each([i](const float* x) __attribute__((always_inline)) { return Load(x + i); },
         [i](float* x, Vector value) __attribute__((always_inline)) { Store(x + i, value); });
  }
  if (i == count) return;
  const int64_t rest = count - i;
  each([i, rest](const float* x) __attribute__((always_inline)) { return LoadSome(x + i, rest); },
       [i, rest](float* x, Vector value)
           __attribute__((always_inline)) { StoreSome(x + i, rest, value); });
}

}  // namespace
}  // namespace braid::trainer
