// The numbers that products multiply: floats, or bf16 numbers, of which two share the place of a
// float. Products are written once for both. See vector.h.
//
// In a pair of bf16 are two neighbours of a sum, the first one in the lower half. An instruction
// multiplies pairs by pairs and adds both products to a float, that of the upper halves first.
// Processors without it do the same in more steps: with the same bits if they have FMA, but for
// numbers below 2^-126, which the instruction takes for zero.
#pragma once

#include "trainer/kernels/simd/vector.h"

#if defined(__AVX512BF16__) && BRAID_LANES == 16
#define BRAID_HAS_BF16
#include <immintrin.h>  // has macros and functions that are always inlined
#endif

namespace braid::trainer {
namespace {

// The bits of floats, and of as many bf16 numbers; at any address of these.
typedef uint32_t BitVector __attribute__((vector_size(4 * BRAID_LANES)));
typedef uint32_t UnalignedBits __attribute__((vector_size(4 * BRAID_LANES), aligned(4), may_alias));
typedef uint16_t HalfVector __attribute__((vector_size(2 * BRAID_LANES)));
typedef uint16_t UnalignedHalf __attribute__((vector_size(2 * BRAID_LANES), aligned(2), may_alias));

// Products of fp32.
struct Fp32 {
  typedef float Element;              // of a matrix that a product reads
  typedef Vector Register;            // of elements
  static constexpr int kNumbers = 1;  // neighbours of a sum that share an element

  // Reads a register of elements; repeats one.
  BRAID_INLINE static Register Read(const Element* x) { return Load(x); }
  BRAID_INLINE static Register Repeat(Element x) { return Splat(x); }
  // sums + a b.
  BRAID_INLINE static Vector Add(Vector sums, Register a, Register b) { return sums + a * b; }
};

// Products of bf16: the same types and functions as Fp32 has, for pairs of numbers.
struct Bf16 {
  // The memory belongs to arrays of floats.
  typedef uint32_t Element __attribute__((may_alias));
  typedef BitVector Register;
  static constexpr int kNumbers = 2;

  BRAID_INLINE static Register Read(const Element* x) {
    return *reinterpret_cast<const UnalignedBits*>(x);
  }
  BRAID_INLINE static Register Repeat(Element x) { return x + BitVector{}; }
  BRAID_INLINE static Vector Add(Vector sums, Register a, Register b) {
#ifdef BRAID_HAS_BF16
    return reinterpret_cast<Vector>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sums),
                                                     reinterpret_cast<__m512bh>(a),
                                                     reinterpret_cast<__m512bh>(b)));
#else
    constexpr uint32_t kUpper = 0xffff0000;
    sums += reinterpret_cast<Vector>(a & kUpper) * reinterpret_cast<Vector>(b & kUpper);
    return sums + reinterpret_cast<Vector>(a << 16) * reinterpret_cast<Vector>(b << 16);
#endif
  }
};

// The elements that `count` neighbours of a sum make.
template <typename Numbers>
BRAID_INLINE int64_t ElementsOf(int64_t count) {
  return (count + Numbers::kNumbers - 1) / Numbers::kNumbers;
}

// Floats as bf16 numbers in the upper halves; what is in the lower ones has no meaning. NaN stays
// NaN.
[[maybe_unused]] BRAID_INLINE BitVector Rounded(Vector x) {
  const BitVector bits = reinterpret_cast<BitVector>(x);
  // Half a unit of the last bit that stays, less one where that bit is even.
  const BitVector nearest = bits + 0x7fff + ((bits >> 16) & 1);
  return x == x ? nearest : bits | 0x400000;
}

// The pairs of each number of `first` with that of `second`.
BRAID_INLINE BitVector Pairs(Vector first, Vector second) {
#ifdef BRAID_HAS_BF16
  typedef uint16_t Words __attribute__((vector_size(64)));
  const Words order = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512bh both = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second),
                                            reinterpret_cast<__m512>(first));
  return reinterpret_cast<BitVector>(
      _mm512_permutexvar_epi16(reinterpret_cast<__m512i>(order), reinterpret_cast<__m512i>(both)));
#else
  return (Rounded(first) >> 16) | (Rounded(second) & 0xffff0000);
#endif
}

// Writes the numbers of `first`, then those of `second`, as bf16 to kLanes elements.
BRAID_INLINE void StoreRounded(Bf16::Element* to, Vector first, Vector second) {
#ifdef BRAID_HAS_BF16
  *reinterpret_cast<UnalignedBits*>(to) = reinterpret_cast<BitVector>(
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
#else
  *reinterpret_cast<UnalignedHalf*>(to) = __builtin_convertvector(Rounded(first) >> 16, HalfVector);
  *reinterpret_cast<UnalignedHalf*>(to + kLanes / 2) = __builtin_convertvector(
      Rounded(second) >> 16, HalfVector);
#endif
}

// `count` neighbours as pairs; what is missing of the last one is zero.
BRAID_INLINE void RoundNeighbours(const float* from, int64_t count, Bf16::Element* to) {
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes)
    StoreRounded(to + i / 2, Load(from + i), Load(from + i + kLanes));
  if (i == count) return;
  float rest[2 * kLanes] = {};
  for (int64_t j = i; j < count; ++j) rest[j - i] = from[j];
  Bf16::Element rounded[kLanes];
  StoreRounded(rounded, Load(rest), Load(rest + kLanes));
  for (int64_t j = i; j < count; j += 2) to[j / 2] = rounded[(j - i) / 2];
}

// `count` pairs of an element of `first` with that of `second`, or with zero if that is null.
BRAID_INLINE void RoundTogether(const float* first, const float* second, int64_t count,
                                Bf16::Element* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    *reinterpret_cast<UnalignedBits*>(to + i) = Pairs(
        Load(first + i), second != nullptr ? Load(second + i) : Vector{});
  }
  if (i == count) return;
  const int64_t rest = count - i;
  const BitVector last = Pairs(LoadSome(first + i, rest),
                               second != nullptr ? LoadSome(second + i, rest) : Vector{});
  for (int64_t j = 0; j < rest; ++j) to[i + j] = last[j];
}

}  // namespace
}  // namespace braid::trainer
