// Products of linear layers in tiles of AMX. See amx_tiles.h.
#pragma once

#include "trainer/kernels/simd/amx_tiles.h"
#include "trainer/kernels/simd/product.h"

namespace braid::trainer {
namespace {

// Of A, kTileGroup rows of kTileDepth pairs are rounded together, 128 KB. They pass by kTileColumns
// columns of B, 1 MB: both stay in the second cache, one block of rows in the first.
constexpr int64_t kTileGroup = 128;
constexpr int64_t kTileDepth = 256;
constexpr int64_t kTileColumns = 1024;

// `count` neighbours, rounded, as steps of 16 pairs that are kStep pairs apart; what is missing of
// the last one is zero.
BRAID_INLINE void RoundSteps(const float* from, int64_t count, Pair* to) {
  for (; count >= 2 * kLanes; count -= 2 * kLanes, from += 2 * kLanes, to += kStep)
    StoreRounded(to, Load(from), Load(from + kLanes));
  if (count == 0) return;
  float rest[2 * kLanes] = {};
  for (int64_t j = 0; j < count; ++j) rest[j] = from[j];
  StoreRounded(to, Load(rest), Load(rest + kLanes));
}

// The pairs that a block of rows takes in a room, in whole steps of two tiles.
BRAID_INLINE int64_t BlockPairs(int64_t depth) {
  return (depth + kSide - 1) / kSide * kStep;
}
// A whole block of a room of tiles from `row` on, which is the first of a block.
BRAID_INLINE BlockRows InRoom(const Pair* room, int64_t row, int64_t depth) {
  return {room + row / kBlock * BlockPairs(depth), kSide, kStep, kBlock};
}

// C = A B + add for the `rows` first rows of a block and `columns` columns. What is packed of B
// begins at `b`, and its panels are `ldb` pairs apart.
BRAID_INLINE void MultiplyBlock(const BlockRows& a, int64_t depth, const Pair* b, int64_t ldb,
                                int64_t rows, int64_t columns, const float* add, int64_t ld_add,
                                float* c, int64_t ldc) {
  for (int64_t first = 0; first < columns; first += kPanel, b += ldb) {
    const int64_t count = Least(kPanel, columns - first);
    WithBoth(rows, [&]<bool kBoth>() __attribute__((always_inline)) {
      if (add != nullptr) {
        LoadBlock<kBoth>(add + first, ld_add, rows, count);
      } else {
        ClearBlock();
      }
      AddBlock<kBoth>(a, depth, b);
      SaveBlock<kBoth>(c + first, ldc, rows, count);
    });
  }
}

// C = A B + add (Products::product).
void TileProduct(const ProductOperands& o) {
  const TileScope tiles;
  alignas(64) Pair room[kTileGroup * kTileDepth];
  const Pair* b = reinterpret_cast<const Pair*>(o.b);
  const int64_t k = ElementsOf<Bf16>(o.k), ldb = ElementsOf<Bf16>(o.b_rows) * kPanel;
  for (int64_t base = 0; base < o.rows; base += kTileGroup) {
    const int64_t rows = Least(kTileGroup, o.rows - base);
    for (int64_t begin = 0; begin < k; begin += kTileDepth) {
      const int64_t depth = Least(kTileDepth, k - begin);
      for (int64_t row = 0; row < rows; ++row) {
        RoundSteps(o.a + (base + row) * o.lda + 2 * begin, Least(2 * depth, o.k - 2 * begin),
                   room + row / kBlock * BlockPairs(depth) + row % kBlock * kSide);
      }
      // What comes after the first rows of B is added to what they gave.
      const float* add = begin > 0 ? o.c : o.add;
      const int64_t ld_add = begin > 0 ? o.ldc : o.ld_add;
      for (int64_t first = 0; first < o.columns; first += kTileColumns) {
        const int64_t columns = Least(kTileColumns, o.columns - first);
        for (int64_t row = 0; row < rows; row += kBlock) {
          const float* more = add != nullptr ? add + (base + row) * ld_add + first : nullptr;
          MultiplyBlock(InRoom(room, row, depth), depth, b + first / kPanel * ldb + begin * kPanel,
                        ldb, Least(kBlock, rows - row), columns, more, ld_add,
                        o.c + (base + row) * o.ldc + first, o.ldc);
        }
      }
    }
  }
}

// tile [16, 16] = the transpose of 16 rows of as many pairs.
BRAID_INLINE void StoreTransposed(const BitVector (&rows)[kSide], Pair* tile) {
  // Within each quarter of a register, two rows are interleaved, then four.
  BitVector twos[kSide], fours[kSide];
#pragma GCC unroll 8
  for (int i = 0; i < kSide; i += 2) {
    twos[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9,
                                      25, 12, 28, 13, 29);
    twos[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26,
                                          11, 27, 14, 30, 15, 31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kSide; i += 2) {
    // The even ones are of both first columns of a quarter, the odd ones of both last ones.
    const int from = i / 4 * 4 + i / 2 % 2;
    const BitVector a = twos[from], b = twos[from + 2];
    fours[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28,
                                       29);
    fours[i + 1] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15,
                                           30, 31);
  }
  // Quarter q of fours[4 i + j] is column 4 q + j of rows 4 i ... 4 i + 3.
  const auto even = [](BitVector a, BitVector b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  };
  const auto odd = [](BitVector a, BitVector b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30,
                                   31);
  };
  const auto store = [tile](int row, BitVector value) __attribute__((always_inline)) {
    *reinterpret_cast<UnalignedBits*>(tile + row * kSide) = value;
  };
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const BitVector even_low = even(fours[j], fours[4 + j]),
                    even_high = even(fours[8 + j], fours[12 + j]),
                    odd_low = odd(fours[j], fours[4 + j]),
                    odd_high = odd(fours[8 + j], fours[12 + j]);
    store(j, even(even_low, even_high));
    store(4 + j, even(odd_low, odd_high));
    store(8 + j, odd(even_low, even_high));
    store(12 + j, odd(odd_low, odd_high));
  }
}

// A tile of A': pairs of `rows` neighbouring rows of A for `columns` of its columns; what is
// missing of 32 and 16 is zero.
BRAID_INLINE void TurnTile(const float* a, int64_t lda, int64_t rows, int64_t columns, Pair* tile) {
  BitVector pairs[kSide];
  if (rows >= 2 * kSide && columns >= kSide) {
#pragma GCC unroll 16
    for (int j = 0; j < kSide; ++j, a += 2 * lda) pairs[j] = Pairs(Load(a), Load(a + lda));
  } else {
    const auto row = [&](int64_t i) __attribute__((always_inline)) {
      return i < rows ? LoadSome(a + i * lda, Least(columns, kSide)) : Vector{};
    };
    for (int64_t j = 0; j < kSide; ++j) pairs[j] = Pairs(row(2 * j), row(2 * j + 1));
  }
  StoreTransposed(pairs, tile);
}

// C += A' B (Products::outer).
void TileOuter(const OuterOperands& o) {
  const TileScope tiles;
  alignas(64) Pair room[kTileGroup * kTileDepth];
  const Pair* b = reinterpret_cast<const Pair*>(o.b);
  const int64_t k = ElementsOf<Bf16>(o.rows), ldb = k * kPanel;
  for (int64_t begin = 0; begin < k; begin += kTileDepth) {
    const int64_t depth = Least(kTileDepth, k - begin);
    for (int64_t base = 0; base < o.a_columns; base += kTileGroup) {
      const int64_t height = Least(kTileGroup, o.a_columns - base);
      for (int64_t j = 0; j < depth; j += kSide) {
        const int64_t row = 2 * (begin + j);
        for (int64_t column = 0; column < height; column += kSide) {
          TurnTile(
              o.a + row * o.lda + base + column, o.lda, o.rows - row, height - column,
              room + column / kBlock * BlockPairs(depth) + j * kPanel + column % kBlock * kSide);
        }
      }
      for (int64_t first = 0; first < o.b_columns; first += kTileColumns) {
        for (int64_t column = 0; column < height; column += kBlock) {
          float* c = o.c + (base + column) * o.ldc + first;
          MultiplyBlock(InRoom(room, column, depth), depth,
                        b + first / kPanel * ldb + begin * kPanel, ldb,
                        Least(kBlock, height - column), Least(kTileColumns, o.b_columns - first), c,
                        o.ldc, c, o.ldc);
        }
      }
    }
  }
}

}  // namespace
}  // namespace braid::trainer
