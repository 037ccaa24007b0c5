// Copies of matrices in the order in which products read them. See vector.h and simd.h.
#pragma once

#include "trainer/kernels/simd/numbers.h"
#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// Four floats, which all instruction sets of a processor with vectors have.
typedef float Four __attribute__((vector_size(16)));
// The same at any address of a float.
typedef float UnalignedFour __attribute__((vector_size(16), aligned(4), may_alias));

// Read and write four floats at any address.
BRAID_INLINE Four LoadFour(const float* x) {
  return *reinterpret_cast<const UnalignedFour*>(x);
}
BRAID_INLINE void StoreFour(float* x, Four value) {
  *reinterpret_cast<UnalignedFour*>(x) = value;
}

// The transpose of four rows of four, at distances `ld` and `ld_to`.
BRAID_INLINE void TransposeFour(const float* from, int64_t ld, float* to, int64_t ld_to) {
  const Four a = LoadFour(from), b = LoadFour(from + ld), c = LoadFour(from + 2 * ld),
             d = LoadFour(from + 3 * ld);
  const Four ab01 = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             ab23 = __builtin_shufflevector(a, b, 2, 6, 3, 7),
             cd01 = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             cd23 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  StoreFour(to, __builtin_shufflevector(ab01, cd01, 0, 1, 4, 5));
  StoreFour(to + ld_to, __builtin_shufflevector(ab01, cd01, 2, 3, 6, 7));
  StoreFour(to + 2 * ld_to, __builtin_shufflevector(ab23, cd23, 0, 1, 4, 5));
  StoreFour(to + 3 * ld_to, __builtin_shufflevector(ab23, cd23, 2, 3, 6, 7));
}

// to [columns, rows] = the transpose of from [rows, columns].
BRAID_INLINE void Transpose(const float* from, int64_t ld, int64_t rows, int64_t columns, float* to,
                            int64_t ld_to) {
  const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (int64_t i = 0; i < whole_rows; i += 4) {
    for (int64_t j = 0; j < whole_columns; j += 4)
      TransposeFour(from + i * ld + j, ld, to + j * ld_to + i, ld_to);
    for (int64_t j = whole_columns; j < columns; ++j) {
      for (int64_t l = i; l < i + 4; ++l) to[j * ld_to + l] = from[l * ld + j];
    }
  }
  for (int64_t i = whole_rows; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * ld_to + i] = from[i * ld + j];
  }
}

// Floats beyond the end of the result of CopyColumns that it may write to.
constexpr int64_t kCopySlack = 16;

// packed [count, kRows] = the first kRows elements of `count` rows. Writes up to kCopySlack
// elements beyond its end.
template <int kRows>
BRAID_INLINE void CopyColumns(const float* a, int64_t lda, int64_t count, float* packed) {
  // Whole vectors, whose ends the next row overwrites: but of the last row nothing beyond its end
  // may be read.
  for (int64_t j = 0; j + 1 < count; ++j, packed += kRows, a += lda) {
    if (lda >= 4 || kRows % 4 == 0) {
#pragma GCC unroll 4
      for (int i = 0; i < kRows; i += 4) StoreFour(packed + i, LoadFour(a + i));
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) packed[i] = a[i];
    }
  }
  for (int i = 0; i < kRows; ++i) packed[i] = a[i];
}

// Packs rows into panels, with a factor for each row (Products::pack). A factor of 0 gives zeros,
// even for NaN.
template <typename Numbers>
void Pack(const float* b, int64_t ldb, int64_t rows, int64_t columns, const float* scale,
          float* packed) {
  // Of a row beyond the last one, or with a factor of 0, nothing is read.
  const auto factor_of = [&](int64_t row) __attribute__((always_inline)) {
    if (row >= rows) return 0.0f;
    return scale != nullptr ? scale[row] : 1.0f;
  };
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t count = columns - first < kPanel ? columns - first : kPanel;
    for (int64_t row = 0; row < rows; row += Numbers::kNumbers, packed += kPanel) {
      Vector low[Numbers::kNumbers], high[Numbers::kNumbers];
#pragma GCC unroll 2
      for (int i = 0; i < Numbers::kNumbers; ++i) {
        const float factor = factor_of(row + i);
        const float* from = b + (row + i) * ldb + first;
        low[i] = high[i] = Vector{};
        if (factor == 0.0f) continue;
        if (count == kPanel) {
          low[i] = Load(from) * factor;
          high[i] = Load(from + kLanes) * factor;
        } else {
          const int64_t in_low = count < kLanes ? count : kLanes;
          low[i] = LoadSome(from, in_low) * factor;
          high[i] = LoadSome(from + in_low, count - in_low) * factor;
        }
      }
      if constexpr (Numbers::kNumbers == 1) {
        Store(packed, low[0]);
        Store(packed + kLanes, high[0]);
      } else {
        Store(packed, reinterpret_cast<Vector>(Pairs(low[0], low[1])));
        Store(packed + kLanes, reinterpret_cast<Vector>(Pairs(high[0], high[1])));
      }
    }
  }
}

// Packs the transpose of w [columns, rows] (Products::pack_transposed).
template <typename Numbers>
void PackTransposed(const float* w, int64_t ldw, int64_t rows, int64_t columns, float* packed) {
  // Squares that fit into the first cache: of a larger one, each line that is written would be
  // fetched again for every column.
  constexpr int64_t kSquare = 16;
  const int64_t places = ElementsOf<Numbers>(rows);
  for (int64_t first = 0; first < columns; first += kPanel, packed += places * kPanel) {
    const int64_t count = columns - first < kPanel ? columns - first : kPanel;
    for (int64_t begin = 0; begin < places; begin += kSquare) {
      const int64_t size = begin + kSquare < places ? kSquare : places - begin;
      float* to = packed + begin * kPanel;
      if constexpr (Numbers::kNumbers == 1) {
        Transpose(w + first * ldw + begin, ldw, count, size, to, kPanel);
      } else {
        float rounded[kPanel * kSquare];
        const int64_t skip = begin * Numbers::kNumbers, whole = size * Numbers::kNumbers,
                      numbers = whole < rows - skip ? whole : rows - skip;
        for (int64_t j = 0; j < count; ++j) {
          RoundNeighbours(w + (first + j) * ldw + skip, numbers,
                          reinterpret_cast<Bf16::Element*>(rounded) + j * kSquare);
        }
        Transpose(rounded, kSquare, count, size, to, kPanel);
      }
      for (int64_t row = 0; row < size; ++row) {
        for (int64_t j = count; j < kPanel; ++j) to[row * kPanel + j] = 0.0f;
      }
    }
  }
}

}  // namespace
}  // namespace braid::trainer
