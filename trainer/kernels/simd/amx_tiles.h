// Products of blocks of bf16 in the tiles of AMX: registers of 16 rows of 64 bytes each. See
// vector.h, and numbers.h for what a pair is.
//
// An instruction adds A B to a tile of 16 x 16 floats, for a tile A of 16 rows of 16 pairs and a
// tile B of 16 pairs of rows and 16 columns. So a panel of a packed matrix is two columns of tiles
// B as it is. The instruction adds up the products of the lower and of the upper halves of pairs
// for themselves, each rounded to the nearest, and then both to the tile: with other bits than
// numbers.h has. Numbers below 2^-126 count as zero, and such sums become zero.
#pragma once

#include "trainer/kernels/simd/numbers.h"

namespace braid::trainer {
namespace {

constexpr int64_t kSide = 16;  // rows of a tile, and pairs or floats of each
constexpr int64_t kTilePairs = kSide * kSide;
constexpr int64_t kBlock = 2 * kSide;      // rows and columns of a block of C: four tiles
constexpr int64_t kStep = kSide * kPanel;  // elements of a panel that a step of the sum takes
static_assert(kPanel == kBlock);

using Pair = Bf16::Element;

// Tiles can be used in its scope. To be made once for many products: it sets up the registers, and
// gives them up, so that a switch to another thread need not save them.
class TileScope {
 public:
  BRAID_INLINE TileScope() {
    // As LDTILECFG reads it.
    struct alignas(64) Configuration {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    };
    static_assert(sizeof(Configuration) == 64);
    const Configuration all;
    asm volatile("ldtilecfg %0" ::"m"(all));
  }
  BRAID_INLINE ~TileScope() { asm volatile("tilerelease" ::); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// Rows at distances of `ld` floats or pairs. In assembly, because the compiler's functions do not
// tell it that memory is read.
template <int kTile>
BRAID_INLINE void LoadTile(const void* from, int64_t ld) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(4 * ld), "i"(kTile) : "memory");
}
template <int kTile>
BRAID_INLINE void SaveTile(void* to, int64_t ld) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(4 * ld), "i"(kTile) : "memory");
}
template <int kTile>
BRAID_INLINE void ZeroTile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}
// Tile kSum += the product of the two others.
template <int kSum, int kA, int kB>
BRAID_INLINE void MultiplyTiles() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
}

// The sums of a block are tiles 0 and 1, and below them, if it has more than 16 rows, 2 and 3.

// Sets the sums to zero.
BRAID_INLINE void ClearBlock() {
  ZeroTile<0>();
  ZeroTile<1>();
  ZeroTile<2>();
  ZeroTile<3>();
}

// Rows of A for a block.
struct BlockRows {
  const Pair* first;
  int64_t ld;     // pairs from one row to the next
  int64_t step;   // pairs from the first 16 pairs of a row to the next 16
  int64_t count;  // rows that may be read, at most kBlock
};

// sums += A B for a step that is whole: rows of 16 pairs.
template <bool kBoth>
BRAID_INLINE void AddStep(const Pair* a, int64_t ld, const Pair* b) {
  LoadTile<6>(b, kPanel);
  LoadTile<4>(a, ld);
  MultiplyTiles<0, 4, 6>();
  LoadTile<7>(b + kSide, kPanel);
  MultiplyTiles<1, 4, 7>();
  if constexpr (kBoth) {
    LoadTile<5>(a + kSide * ld, ld);
    MultiplyTiles<2, 5, 6>();
    MultiplyTiles<3, 5, 7>();
  }
}

// Marks the first `count` of 16 places.
BRAID_INLINE __mmask16 FirstOf(int64_t count) {
  return count >= kSide ? 0xffff : static_cast<__mmask16>((1u << (count > 0 ? count : 0)) - 1);
}

// to [rows_to, columns_to] = from [rows, columns], and zeros beyond it, of floats or pairs;
// columns_to is a multiple of 16.
BRAID_INLINE void CopyPart(const void* from, int64_t ld, int64_t rows, int64_t columns,
                           int64_t rows_to, int64_t columns_to, void* to) {
  const float* row = static_cast<const float*>(from);
  float* room = static_cast<float*>(to);
  for (int64_t i = 0; i < rows_to; ++i, row += ld, room += columns_to) {
    for (int64_t j = 0; j < columns_to; j += kSide)
      _mm512_storeu_ps(room + j,
                       _mm512_maskz_loadu_ps(FirstOf(i < rows ? columns - j : 0), row + j));
  }
}

// AddStep for `rows` rows of `pairs` pairs: what is missing counts as zero, and is not read.
template <bool kBoth>
BRAID_INLINE void AddPartOfStep(const Pair* a, int64_t ld, int64_t rows, int64_t pairs,
                                const Pair* b) {
  alignas(64) Pair a_room[2 * kTilePairs], b_room[kStep];
  CopyPart(a, ld, rows, pairs, kBoth ? kBlock : kSide, kSide, a_room);
  if (pairs < kSide) {
    CopyPart(b, kPanel, pairs, kPanel, kSide, kPanel, b_room);
    b = b_room;
  }
  AddStep<kBoth>(a_room, kSide, b);
}

// sums += A B for rows of `pairs` pairs; b is a panel.
template <bool kBoth>
BRAID_INLINE void AddBlock(const BlockRows& a, int64_t pairs, const Pair* b) {
  const Pair* from = a.first;
  int64_t left = pairs;
  if (a.count >= (kBoth ? kBlock : kSide)) {
    for (; left >= kSide; left -= kSide, from += a.step, b += kStep) AddStep<kBoth>(from, a.ld, b);
  }
  for (; left > 0; left -= kSide, from += a.step, b += kStep)
    AddPartOfStep<kBoth>(from, a.ld, a.count, left < kSide ? left : kSide, b);
}

// The sums are set to c, or c to the sums, for rows and columns that are whole tiles.
template <bool kBoth>
BRAID_INLINE void LoadWholeBlock(const float* c, int64_t ldc) {
  LoadTile<0>(c, ldc);
  LoadTile<1>(c + kSide, ldc);
  if constexpr (kBoth) {
    LoadTile<2>(c + kSide * ldc, ldc);
    LoadTile<3>(c + kSide * ldc + kSide, ldc);
  }
}
template <bool kBoth>
BRAID_INLINE void SaveWholeBlock(float* c, int64_t ldc) {
  SaveTile<0>(c, ldc);
  SaveTile<1>(c + kSide, ldc);
  if constexpr (kBoth) {
    SaveTile<2>(c + kSide * ldc, ldc);
    SaveTile<3>(c + kSide * ldc + kSide, ldc);
  }
}

// The same for the first `rows` and `columns` of the block, by way of a room of a whole one.
template <bool kBoth>
BRAID_INLINE void LoadBlock(const float* c, int64_t ldc, int64_t rows, int64_t columns) {
  if (rows == (kBoth ? kBlock : kSide) && columns == kBlock) return LoadWholeBlock<kBoth>(c, ldc);
  alignas(64) float room[kBlock * kBlock];
  CopyPart(c, ldc, rows, columns, kBoth ? kBlock : kSide, kBlock, room);
  LoadWholeBlock<kBoth>(room, kBlock);
}
template <bool kBoth>
BRAID_INLINE void SaveBlock(float* c, int64_t ldc, int64_t rows, int64_t columns) {
  if (rows == (kBoth ? kBlock : kSide) && columns == kBlock) return SaveWholeBlock<kBoth>(c, ldc);
  alignas(64) float room[kBlock * kBlock];
  SaveWholeBlock<kBoth>(room, kBlock);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < kBlock; j += kSide)
      _mm512_mask_storeu_ps(c + i * ldc + j, FirstOf(columns - j), Load(room + i * kBlock + j));
  }
}

// Calls body.template operator()<true>() for a block of more than 16 rows, or ()<false>().
template <typename Body>
BRAID_INLINE void WithBoth(int64_t rows, Body body) {
  if (rows > kSide) return body.template operator()<true>();
  body.template operator()<false>();
}

}  // namespace
}  // namespace braid::trainer
