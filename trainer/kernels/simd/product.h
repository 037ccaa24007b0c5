// Matrix products on register tiles of kTileRows rows by one panel of columns. See vector.h.
#pragma once

#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// The sums of a tile.
template <int kRows>
struct Tile {
  Vector sums[kRows][2];
};

// tile += A B, with the rows of A at a, a + lda, ...; b is a panel.
template <int kRows>
BRAID_INLINE void AddRows(int64_t k, const float* a, int64_t lda, const float* b,
                          Tile<kRows>* tile) {
  const float* rows[kRows];
  for (int i = 0; i < kRows; ++i) rows[i] = a + i * lda;
#pragma GCC unroll 2
  for (int64_t j = 0; j < k; ++j) {
    const Vector b0 = Load(b), b1 = Load(b + kLanes);
    b += kPanel;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vector x = Splat(rows[i][j]);
      tile->sums[i][0] += x * b0;
      tile->sums[i][1] += x * b1;
    }
  }
}

// The same with A packed by CopyColumns: the kRows elements of each of its columns are adjacent.
template <int kRows>
BRAID_INLINE void AddPacked(int64_t k, const float* a, const float* b, Tile<kRows>* tile) {
#pragma GCC unroll 4
  for (int64_t j = 0; j < k; ++j) {
    const Vector b0 = Load(b), b1 = Load(b + kLanes);
    b += kPanel;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vector x = Splat(a[i]);
      tile->sums[i][0] += x * b0;
      tile->sums[i][1] += x * b1;
    }
    a += kRows;
  }
}

// packed [count, kRows] = the first kRows elements of `count` rows.
template <int kRows>
BRAID_INLINE void CopyColumns(const float* a, int64_t lda, int64_t count, float* packed) {
  for (int64_t j = 0; j < count; ++j) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) packed[i] = a[i];
    packed += kRows;
    a += lda;
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
  float all[kRows][kPanel];
  for (int i = 0; i < kRows; ++i) {
    Store(all[i], tile.sums[i][0]);
    Store(all[i] + kLanes, tile.sums[i][1]);
    for (int64_t j = 0; j < columns; ++j)
      c[i * ldc + j] = all[i][j] + (add != nullptr ? add[i * ld_add + j] : 0.0f);
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

// Cuts `count` rows into as few blocks as possible, of almost equal size: a block of one or two
// rows would not keep the multipliers busy. Calls body.template operator()<rows>(begin).
template <typename Body>
BRAID_INLINE void ForEachBlock(int64_t count, Body body) {
  const int64_t blocks = (count + kTileRows - 1) / kTileRows;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t begin = i * count / blocks;
    WithRows((i + 1) * count / blocks - begin,
             [&]<int kRows>() { body.template operator()<kRows>(begin); });
  }
}

// Missing columns of the last panel become zero, so that no loop over panels has a rest.
void Pack(const float* b, int64_t ldb, int64_t rows, int64_t columns, const float* scale,
          float* packed) {
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t count = columns - first < kPanel ? columns - first : kPanel;
    for (int64_t row = 0; row < rows; ++row, packed += kPanel) {
      const float factor = scale != nullptr ? scale[row] : 1.0f;
      const float* from = b + row * ldb + first;
      if (factor == 0.0f) {
        for (int64_t j = 0; j < kPanel; ++j) packed[j] = 0.0f;
      } else if (count == kPanel) {
        Store(packed, Load(from) * factor);
        Store(packed + kLanes, Load(from + kLanes) * factor);
      } else {
        for (int64_t j = 0; j < count; ++j) packed[j] = from[j] * factor;
        for (int64_t j = count; j < kPanel; ++j) packed[j] = 0.0f;
      }
    }
  }
}

void PackTransposed(const float* w, int64_t ldw, int64_t rows, int64_t columns, float* packed) {
  // Squares that fit into the first cache: of a larger one, each line that is written would be
  // fetched again for every column.
  constexpr int64_t kSquare = 16;
  for (int64_t first = 0; first < columns; first += kPanel, packed += rows * kPanel) {
    const int64_t count = columns - first < kPanel ? columns - first : kPanel;
    for (int64_t begin = 0; begin < rows; begin += kSquare) {
      const int64_t end = begin + kSquare < rows ? begin + kSquare : rows;
      for (int64_t j = 0; j < kPanel; ++j) {
        const float* from = w + (first + j) * ldw;
        for (int64_t row = begin; row < end; ++row)
          packed[row * kPanel + j] = j < count ? from[row] : 0.0f;
      }
    }
  }
}

// One panel of B stays in the cache while all rows of A pass.
void Product(const ProductOperands& o) {
  for (int64_t first = 0; first < o.columns; first += kPanel) {
    const int64_t count = o.columns - first < kPanel ? o.columns - first : kPanel;
    const float* panel = o.b + first * o.k;
    ForEachBlock(o.rows, [&]<int kRows>(int64_t row) {
      Tile<kRows> tile = {};
      AddRows<kRows>(o.k, o.a + row * o.lda, o.lda, panel, &tile);
      StoreTile<kRows>(tile, count, o.add != nullptr ? o.add + row * o.ld_add + first : nullptr,
                       o.ld_add, o.c + row * o.ldc + first, o.ldc);
    });
  }
}

// The sum over rows is cut into depths that fit into a cache; each adds to C in order.
void Outer(const OuterOperands& o) {
  // Rows whose products are summed in registers. The columns of A that make a block are copied
  // together first: read where they are, they would collide in the cache.
  constexpr int64_t kDepth = 256;
  alignas(64) float columns[kDepth * kTileRows];
  for (int64_t begin = 0; begin < o.rows; begin += kDepth) {
    const int64_t depth = o.rows - begin < kDepth ? o.rows - begin : kDepth;
    ForEachBlock(o.a_columns, [&]<int kRows>(int64_t column) {
      CopyColumns<kRows>(o.a + begin * o.lda + column, o.lda, depth, columns);
      for (int64_t first = 0; first < o.b_columns; first += kPanel) {
        const int64_t count = o.b_columns - first < kPanel ? o.b_columns - first : kPanel;
        Tile<kRows> tile = {};
        AddPacked<kRows>(depth, columns, o.b + first * o.rows + begin * kPanel, &tile);
        float* c = o.c + column * o.ldc + first;
        StoreTile<kRows>(tile, count, c, o.ldc, c, o.ldc);
      }
    });
  }
}

}  // namespace
}  // namespace braid::trainer
