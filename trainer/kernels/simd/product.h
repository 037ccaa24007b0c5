// Matrix products on register tiles of kTileRows rows by one panel of columns. See vector.h.
//
// Loops are cut as is usual for such products: the panel of B that a tile reads, kDepth rows of it,
// stays in the first cache, and the rows of A that pass by, kGroupBlocks blocks, in the second.
#pragma once

#include "trainer/kernels/simd/pack.h"
#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// Rows of a panel that take 16 KB.
constexpr int64_t kDepth = 4096 / kPanel;
// Blocks of at most kTileRows rows that are taken together: 96 rows, of 96 KB for kDepth of AVX2.
constexpr int64_t kGroupBlocks = 96 / kTileRows;

// The smaller of two. std::min is an inline function, of which the linker might keep a copy that
// other processors cannot run.
BRAID_INLINE int64_t Least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

// The sums of a tile.
template <int kRows>
struct Tile {
  Vector sums[kRows][2];
};

// Sets the sums to zero.
template <int kRows>
BRAID_INLINE void Clear(Tile<kRows>* tile) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) tile->sums[i][0] = tile->sums[i][1] = Vector{};
}

// tile += A B for one column of A, of which `a(i)` is the element of row i.
template <int kRows, typename Element>
BRAID_INLINE void AddColumn(const float* b, Element a, Tile<kRows>* tile) {
  const Vector b0 = Load(b), b1 = Load(b + kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const Vector x = Splat(a(i));
    tile->sums[i][0] += x * b0;
    tile->sums[i][1] += x * b1;
  }
}

// tile += A B, with the rows of A at a, a + lda, ...; b is a panel. The rows that follow are
// fetched on the way, because they are the next tile's.
template <int kRows>
BRAID_INLINE void AddRows(int64_t k, const float* a, int64_t lda, const float* b,
                          Tile<kRows>* tile) {
  constexpr int64_t kLine = 16;  // floats of a cache line
  const float* rows[kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) rows[i] = a + i * lda;
  int64_t j = 0;
  for (; j + kLine <= k; j += kLine) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) __builtin_prefetch(rows[i] + kRows * lda + j);
#pragma GCC unroll 4
    for (int64_t l = j; l < j + kLine; ++l, b += kPanel) {
      AddColumn<kRows>(b, [&](int i) __attribute__((always_inline)) { return rows[i][l]; }, tile);
    }
  }
  for (; j < k; ++j, b += kPanel) {
    AddColumn<kRows>(b, [&](int i) __attribute__((always_inline)) { return rows[i][j]; }, tile);
  }
}

// The same with A packed by CopyColumns: the kRows elements of each of its columns are adjacent.
template <int kRows>
BRAID_INLINE void AddPacked(int64_t k, const float* a, const float* b, Tile<kRows>* tile) {
#pragma GCC unroll 4
  for (int64_t j = 0; j < k; ++j, b += kPanel, a += kRows)
    AddColumn<kRows>(b, [&](int i) __attribute__((always_inline)) { return a[i]; }, tile);
}

// Fetches the place of a tile, which is read when its sums are complete.
template <int kRows>
BRAID_INLINE void FetchTile(const float* c, int64_t ldc) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    __builtin_prefetch(c + i * ldc);
    if (kPanel > 16) __builtin_prefetch(c + i * ldc + 16);
  }
}

// c [kRows, columns] = tile + add, columns <= kPanel.
template <int kRows>
BRAID_INLINE void StoreTile(const Tile<kRows>& tile, int64_t columns, const float* add,
                            int64_t ld_add, float* c, int64_t ldc) {
  if (columns == kPanel) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      Vector low = tile.sums[i][0], high = tile.sums[i][1];
      if (add != nullptr) {
        low += Load(add + i * ld_add);
        high += Load(add + i * ld_add + kLanes);
      }
      Store(c + i * ldc, low);
      Store(c + i * ldc + kLanes, high);
    }
    return;
  }
  // A loop of its own, so that only here the sums have to be in memory.
  float all[kRows * kPanel];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    Store(all + i * kPanel, tile.sums[i][0]);
    Store(all + i * kPanel + kLanes, tile.sums[i][1]);
  }
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < columns; ++j)
      c[i * ldc + j] = all[i * kPanel + j] + (add != nullptr ? add[i * ld_add + j] : 0.0f);
  }
}

// Calls body.template operator()<n>() for n = count, 1 <= count <= kTileRows.
template <int kRows = kTileRows, typename Body>
BRAID_INLINE void WithRows(int64_t count, Body body) {
  if constexpr (kRows > 0) {
    if (count == kRows) return body.template operator()<kRows>();
    WithRows<kRows - 1>(count, body);
  }
}

// Blocks of kTileRows rows or less that `count` rows make.
BRAID_INLINE int64_t BlocksOf(int64_t count) {
  return (count + kTileRows - 1) / kTileRows;
}

// `count` rows in as few blocks as possible, of almost equal size: a block of one or two rows would
// not keep the multipliers busy. Calls body.template operator()<rows>(begin) for blocks `from` ..
// `to` - 1 of them.
template <typename Body>
BRAID_INLINE void ForBlocks(int64_t count, int64_t from, int64_t to, Body body) {
  const int64_t blocks = BlocksOf(count);
  for (int64_t i = from; i < to; ++i) {
    const int64_t begin = i * count / blocks;
    WithRows((i + 1) * count / blocks - begin,
             [&]<int kRows>() { body.template operator()<kRows>(begin); });
  }
}
// ForBlocks over all blocks.
template <typename Body>
BRAID_INLINE void ForEachBlock(int64_t count, Body body) {
  ForBlocks(count, 0, BlocksOf(count), body);
}

// C = A B + add (SimdKernels::product).
void Product(const ProductOperands& o) {
  const int64_t blocks = BlocksOf(o.rows);
  for (int64_t from = 0; from < blocks; from += kGroupBlocks) {
    const int64_t to = Least(from + kGroupBlocks, blocks);
    for (int64_t begin = 0; begin < o.k; begin += kDepth) {
      const int64_t depth = Least(kDepth, o.k - begin);
      // What comes after the first rows of B is added to what they gave.
      const float* add = begin > 0 ? o.c : o.add;
      const int64_t ld_add = begin > 0 ? o.ldc : o.ld_add;
      for (int64_t first = 0; first < o.columns; first += kPanel) {
        const int64_t count = Least(kPanel, o.columns - first);
        const float* panel = o.b + first * o.b_rows + begin * kPanel;
        ForBlocks(o.rows, from, to, [&]<int kRows>(int64_t row) {
          const float* more = add != nullptr ? add + row * ld_add + first : nullptr;
          if (more != nullptr) FetchTile<kRows>(more, ld_add);
          Tile<kRows> tile;
          Clear(&tile);
          AddRows<kRows>(depth, o.a + row * o.lda + begin, o.lda, panel, &tile);
          StoreTile<kRows>(tile, count, more, ld_add, o.c + row * o.ldc + first, o.ldc);
        });
      }
    }
  }
}

// C += A' B (SimdKernels::outer).
void Outer(const OuterOperands& o) {
  // The columns of A that make blocks are copied together first: read where they are, they would
  // collide in the cache.
  alignas(64) float columns[kDepth * kGroupBlocks * kTileRows + kCopySlack];
  const int64_t blocks = BlocksOf(o.a_columns);
  for (int64_t begin = 0; begin < o.rows; begin += kDepth) {
    const int64_t depth = Least(kDepth, o.rows - begin);
    for (int64_t from = 0; from < blocks; from += kGroupBlocks) {
      const int64_t to = Least(from + kGroupBlocks, blocks), base = from * o.a_columns / blocks;
      ForBlocks(o.a_columns, from, to, [&]<int kRows>(int64_t column) {
        CopyColumns<kRows>(o.a + begin * o.lda + column, o.lda, depth,
                           columns + (column - base) * depth);
      });
      for (int64_t first = 0; first < o.b_columns; first += kPanel) {
        const int64_t count = Least(kPanel, o.b_columns - first);
        const float* panel = o.b + first * o.rows + begin * kPanel;
        ForBlocks(o.a_columns, from, to, [&]<int kRows>(int64_t column) {
          float* c = o.c + column * o.ldc + first;
          FetchTile<kRows>(c, o.ldc);
          Tile<kRows> tile;
          Clear(&tile);
          AddPacked<kRows>(depth, columns + (column - base) * depth, panel, &tile);
          StoreTile<kRows>(tile, count, c, o.ldc, c, o.ldc);
        });
      }
    }
  }
}

}  // namespace
}  // namespace braid::trainer
