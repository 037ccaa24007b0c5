// Products A B' with few rows of A, for B as it is stored: each element is the dot product of a row
// of A and a row of B. B is not repacked, so it is read once, and a single row of A takes as long
// as reading B from memory. See vector.h.
#pragma once

#include "trainer/kernels/simd/pack.h"
#include "trainer/kernels/simd/product.h"
#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// Rows of B that are taken together.
constexpr int kDotColumns = 4;
// Rows of A that are taken together: then the sums, these rows and one of B fill the registers.
constexpr int kDotRows = static_cast<int>(kTileRows) / 2;

// Keeps a vector in its register. Compilers prefer to read it again with each product that needs
// it, until reading is what takes the time.
BRAID_INLINE void KeepLoaded([[maybe_unused]] Vector* x) {
#if defined(__AVX2__) && BRAID_LANES == 8
  asm("" : "+x"(*x));
#elif defined(__AVX512F__) && BRAID_LANES == 16
  asm("" : "+v"(*x));
#endif
}

// The sums over quarters of a vector.
BRAID_INLINE Four Fold(Vector x) {
#if BRAID_LANES == 4
  return x;
#elif BRAID_LANES == 8
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  return (__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7)) +
         (__builtin_shufflevector(x, x, 8, 9, 10, 11) +
          __builtin_shufflevector(x, x, 12, 13, 14, 15));
#endif
}

// The sums of four vectors.
BRAID_INLINE Four SumsOfFour(const Vector* x) {
  const Four a = Fold(x[0]), b = Fold(x[1]), c = Fold(x[2]), d = Fold(x[3]);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) +
                  __builtin_shufflevector(a, b, 2, 6, 3, 7),
             cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) +
                  __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

// The partial sums of a tile: one vector for each pair of a row of A and a row of B.
template <int kRows, int kColumns>
struct DotTile {
  Vector sums[kRows][kColumns];
};

// The products of kRows rows of A, from `a` on, with the rows of B at `b`. Of several of these,
// what lies `ahead` is fetched on the way; a single one is a stream that processors fetch by
// themselves.
template <int kRows, int kColumns>
BRAID_INLINE void AddDots(int64_t k, const float* a, const float* const* b, int64_t ahead,
                          DotTile<kRows, kColumns>* tile) {
  constexpr int64_t kLine = 16;  // floats of a cache line
  const auto add = [&](auto load) __attribute__((always_inline)) {
    Vector x[kRows];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      x[i] = load(a + i * k);
      KeepLoaded(&x[i]);
    }
#pragma GCC unroll 16
    for (int j = 0; j < kColumns; ++j) {
      const Vector y = load(b[j]);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) tile->sums[i][j] += x[i] * y;
    }
  };
  int64_t l = 0;
  for (; l + kLine <= k; l += kLine) {
#pragma GCC unroll 16
    for (int j = 0; kColumns > 1 && j < kColumns; ++j) __builtin_prefetch(b[j] + ahead + l);
#pragma GCC unroll 4
    for (int64_t m = l; m < l + kLine; m += kLanes)
      add([m](const float* x) __attribute__((always_inline)) { return Load(x + m); });
  }
  for (; l + kLanes <= k; l += kLanes)
    add([l](const float* x) __attribute__((always_inline)) { return Load(x + l); });
  if (l < k) {
    const int64_t rest = k - l;
    add([l, rest](const float* x) __attribute__((always_inline)) { return LoadSome(x + l, rest); });
  }
}

// Four elements of a row of C, of which `count` exist.
BRAID_INLINE void StoreDots(const DotOperands& o, int64_t row, int64_t column, Four sums) {
  const float* add = o.add != nullptr ? o.add + row * o.ld_add + column : nullptr;
  float* c = o.c + row * o.ldc + column;
  sums *= o.factor;
  if (column + 4 <= o.columns) return StoreFour(c, add != nullptr ? sums + LoadFour(add) : sums);
  for (int64_t i = 0; i < o.columns - column; ++i)
    c[i] = add != nullptr ? sums[i] + add[i] : sums[i];
}

// One tile of C: kRows rows of A from `row` on by kColumns rows of B from `column` on. `fetch`:
// prefetches the rows of B of the next tile.
template <int kRows, int kColumns>
BRAID_INLINE void Dot(const DotOperands& o, int64_t row, int64_t column, bool fetch) {
  const float* b[kColumns];
  // Beyond the last row of B, that one is taken again.
#pragma GCC unroll 16
  for (int j = 0; j < kColumns; ++j) b[j] = o.b + Least(column + j, o.columns - 1) * o.k;
  DotTile<kRows, kColumns> tile;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kColumns; ++j) tile.sums[i][j] = Vector{};
  }
  AddDots<kRows, kColumns>(o.k, o.a + row * o.k, b, fetch ? kColumns * o.k : 0, &tile);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; j += 4) {
      if (column + j < o.columns) StoreDots(o, row + i, column + j, SumsOfFour(tile.sums[i] + j));
    }
  }
}

// The products of one row. B passes by in the order in which it lies in memory, which is as fast as
// reading it; processors work on the next rows while the sums of one are added up.
BRAID_INLINE void DotsOfOne(const DotOperands& o, int64_t row) {
  const float* a = o.a + row * o.k;
  for (int64_t column = 0; column < o.columns; column += kDotColumns) {
    Vector sums[kDotColumns];
#pragma GCC unroll 4
    for (int j = 0; j < kDotColumns; ++j) {
      const float* b = o.b + Least(column + j, o.columns - 1) * o.k;
      DotTile<1, 1> tile;
      tile.sums[0][0] = Vector{};
      AddDots<1, 1>(o.k, a, &b, 0, &tile);
      sums[j] = tile.sums[0][0];
    }
    StoreDots(o, row, column, SumsOfFour(sums));
  }
}

// C = factor (A B') + add (SimdKernels::dots).
void Dots(const DotOperands& o) {
  // As many rows of A at a time as stay in the second cache.
  const int64_t fit = 32768 / o.k, most = fit < kDotRows ? kDotRows : fit;
  for (int64_t first = 0; first < o.rows; first += most) {
    const int64_t rows = Least(most, o.rows - first), blocks = (rows + kDotRows - 1) / kDotRows;
    if (rows == 1) {
      DotsOfOne(o, first);
      continue;
    }
    for (int64_t column = 0; column < o.columns; column += kDotColumns) {
      for (int64_t i = 0; i < blocks; ++i) {
        const int64_t begin = i * rows / blocks;
        WithRows<kDotRows>((i + 1) * rows / blocks - begin, [&]<int kRows>() {
          Dot<kRows, kDotColumns>(o, first + begin, column, i == 0);
        });
      }
    }
  }
}

}  // namespace
}  // namespace braid::trainer
