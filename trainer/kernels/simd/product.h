// Matrix products on register tiles of kTileRows rows by one panel of columns. See vector.h.
//
// Loops are cut as is usual for such products: the panel of B that a tile reads, kDepth rows of it,
// stays in the first cache, and the rows of A that pass by, kGroupBlocks blocks, in the second.
#pragma once

#include "trainer/kernels/simd/numbers.h"
#include "trainer/kernels/simd/pack.h"
#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// Rows of elements of a panel that take 16 KB.
constexpr int64_t kDepth = 4096 / kPanel;
// Blocks of at most kTileRows rows that are taken together: 96 rows, of 96 KB for kDepth of AVX2.
constexpr int64_t kGroupBlocks = 96 / kTileRows;
constexpr int64_t kGroupRows = kGroupBlocks * kTileRows;

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
template <typename Numbers, int kRows, typename Row>
BRAID_INLINE void AddColumn(const typename Numbers::Element* b, Row a, Tile<kRows>* tile) {
  const typename Numbers::Register b0 = Numbers::Read(b), b1 = Numbers::Read(b + kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const typename Numbers::Register x = Numbers::Repeat(a(i));
    tile->sums[i][0] = Numbers::Add(tile->sums[i][0], x, b0);
    tile->sums[i][1] = Numbers::Add(tile->sums[i][1], x, b1);
  }
}

// tile += A B, with the rows of A at a, a + lda, ...; b is a panel. The rows that follow are
// fetched on the way, because they are the next tile's.
template <typename Numbers, int kRows>
BRAID_INLINE void AddRows(int64_t k, const typename Numbers::Element* a, int64_t lda,
                          const typename Numbers::Element* b, Tile<kRows>* tile) {
  constexpr int64_t kLine = 16;  // elements of a cache line
  const typename Numbers::Element* rows[kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) rows[i] = a + i * lda;
  int64_t j = 0;
  for (; j + kLine <= k; j += kLine) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) __builtin_prefetch(rows[i] + kRows * lda + j);
#pragma GCC unroll 4
    for (int64_t l = j; l < j + kLine; ++l, b += kPanel) {
      AddColumn<Numbers, kRows>(
          b, [&](int i) __attribute__((always_inline)) { return rows[i][l]; }, tile);
    }
  }
  for (; j < k; ++j, b += kPanel) {
    AddColumn<Numbers, kRows>(
        b, [&](int i) __attribute__((always_inline)) { return rows[i][j]; }, tile);
  }
}

// The same with the transpose of A: the kRows elements of each of its columns are adjacent, and
// those of the next column `lda` elements after them.
template <typename Numbers, int kRows>
BRAID_INLINE void AddColumns(int64_t k, const typename Numbers::Element* a, int64_t lda,
                             const typename Numbers::Element* b, Tile<kRows>* tile) {
#pragma GCC unroll 4
  for (int64_t j = 0; j < k; ++j, b += kPanel, a += lda) {
    AddColumn<Numbers, kRows>(b, [&](int i) __attribute__((always_inline)) { return a[i]; }, tile);
  }
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

// Rows of A, or columns of it, as a tile reads them.
template <typename Numbers>
struct Operand {
  const typename Numbers::Element* first;
  int64_t ld;
  int64_t base;  // the number of the first row, or column
};

// Rows `base` .. `base` + `count` - 1 of A, for the elements begin .. begin + depth - 1 of each.
// They are read where they are, or rounded to `room` first, which has kGroupRows * kDepth elements.
template <typename Numbers>
BRAID_INLINE Operand<Numbers> RowsOfA(const ProductOperands& o, int64_t base, int64_t count,
                                      int64_t begin, int64_t depth,
                                      typename Numbers::Element* room) {
  if constexpr (Numbers::kNumbers == 1) {
    return {o.a + begin, o.lda, 0};
  } else {
    const int64_t skip = begin * Numbers::kNumbers;
    for (int64_t row = 0; row < count; ++row) {
      RoundNeighbours(o.a + (base + row) * o.lda + skip,
                      Least(depth * Numbers::kNumbers, o.k - skip), room + row * depth);
    }
    return {room, depth, base};
  }
}

// C = A B + add (Products::product).
template <typename Numbers>
void Product(const ProductOperands& o) {
  using Element = typename Numbers::Element;
  alignas(64) Element room[Numbers::kNumbers == 1 ? 1 : kGroupRows * kDepth];
  const Element* b = reinterpret_cast<const Element*>(o.b);
  const int64_t blocks = BlocksOf(o.rows), k = ElementsOf<Numbers>(o.k),
                b_rows = ElementsOf<Numbers>(o.b_rows);
  for (int64_t from = 0; from < blocks; from += kGroupBlocks) {
    const int64_t to = Least(from + kGroupBlocks, blocks), base = from * o.rows / blocks,
                  rows = to * o.rows / blocks - base;
    for (int64_t begin = 0; begin < k; begin += kDepth) {
      const int64_t depth = Least(kDepth, k - begin);
      const Operand<Numbers> a = RowsOfA<Numbers>(o, base, rows, begin, depth, room);
      // What comes after the first rows of B is added to what they gave.
      const float* add = begin > 0 ? o.c : o.add;
      const int64_t ld_add = begin > 0 ? o.ldc : o.ld_add;
      for (int64_t first = 0; first < o.columns; first += kPanel) {
        const int64_t count = Least(kPanel, o.columns - first);
        const Element* panel = b + first * b_rows + begin * kPanel;
        ForBlocks(o.rows, from, to, [&]<int kRows>(int64_t row) {
          const float* more = add != nullptr ? add + row * ld_add + first : nullptr;
          if (more != nullptr) FetchTile<kRows>(more, ld_add);
          Tile<kRows> tile;
          Clear(&tile);
          AddRows<Numbers, kRows>(depth, a.first + (row - a.base) * a.ld, a.ld, panel, &tile);
          StoreTile<kRows>(tile, count, more, ld_add, o.c + row * o.ldc + first, o.ldc);
        });
      }
    }
  }
}

// Rows begin .. begin + depth - 1 of A, in elements, of the blocks from .. to - 1 of its columns,
// copied to `room` of kGroupRows * kDepth + kCopySlack elements. Read where they are, they would
// collide in the cache.
template <typename Numbers>
BRAID_INLINE void CopyBlocks(const OuterOperands& o, int64_t begin, int64_t depth, int64_t from,
                             int64_t to, typename Numbers::Element* room) {
  const int64_t blocks = BlocksOf(o.a_columns), base = from * o.a_columns / blocks;
  if constexpr (Numbers::kNumbers == 1) {
    ForBlocks(o.a_columns, from, to, [&]<int kRows>(int64_t column) {
      CopyColumns<kRows>(o.a + begin * o.lda + column, o.lda, depth,
                         room + (column - base) * depth);
    });
  } else {
    const int64_t count = to * o.a_columns / blocks - base;
    for (int64_t j = 0; j < depth; ++j) {
      const int64_t row = (begin + j) * Numbers::kNumbers;
      const float* first = o.a + row * o.lda + base;
      RoundTogether(first, row + 1 < o.rows ? first + o.lda : nullptr, count, room + j * count);
    }
  }
}

// C += A' B (Products::outer).
template <typename Numbers>
void Outer(const OuterOperands& o) {
  using Element = typename Numbers::Element;
  alignas(64) Element room[kGroupRows * kDepth + kCopySlack];
  const Element* b = reinterpret_cast<const Element*>(o.b);
  const int64_t blocks = BlocksOf(o.a_columns), rows = ElementsOf<Numbers>(o.rows);
  for (int64_t begin = 0; begin < rows; begin += kDepth) {
    const int64_t depth = Least(kDepth, rows - begin);
    for (int64_t from = 0; from < blocks; from += kGroupBlocks) {
      const int64_t to = Least(from + kGroupBlocks, blocks), base = from * o.a_columns / blocks,
                    columns = to * o.a_columns / blocks - base;
      CopyBlocks<Numbers>(o, begin, depth, from, to, room);
      for (int64_t first = 0; first < o.b_columns; first += kPanel) {
        const int64_t count = Least(kPanel, o.b_columns - first);
        const Element* panel = b + first * rows + begin * kPanel;
        ForBlocks(o.a_columns, from, to, [&]<int kRows>(int64_t column) {
          float* c = o.c + column * o.ldc + first;
          FetchTile<kRows>(c, o.ldc);
          Tile<kRows> tile;
          Clear(&tile);
          if constexpr (Numbers::kNumbers == 1) {
            AddColumns<Numbers, kRows>(depth, room + (column - base) * depth, kRows, panel, &tile);
          } else {
            AddColumns<Numbers, kRows>(depth, room + column - base, columns, panel, &tile);
          }
          StoreTile<kRows>(tile, count, c, o.ldc, c, o.ldc);
        });
      }
    }
  }
}

}  // namespace
}  // namespace braid::trainer
