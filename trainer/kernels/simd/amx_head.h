// The head's products in tiles of AMX. See amx_tiles.h, and head.h for the same without them.
#pragma once

#include "trainer/kernels/simd/amx_product.h"
#include "trainer/kernels/simd/head.h"

namespace braid::trainer {
namespace {

// The larger of `maxima` and of the first `rows` rows of a block, column by column.
BRAID_INLINE void KeepLargest(const float* block, int64_t rows, float* maxima) {
  Vector largest[2][2] = {{Load(maxima), Load(maxima + kLanes)},
                          {Load(maxima), Load(maxima + kLanes)}};
  for (int64_t i = 0; i < rows; ++i, block += kPanel) {
    largest[i % 2][0] = Larger(largest[i % 2][0], Load(block));
    largest[i % 2][1] = Larger(largest[i % 2][1], Load(block + kLanes));
  }
  Store(maxima, Larger(largest[0][0], largest[1][0]));
  Store(maxima + kLanes, Larger(largest[0][1], largest[1][1]));
}

// The logits of a tile and the maximum of each row (Products::head_logits).
void TileHeadLogits(const HeadTile& t, const float* x, float* maxima) {
  const TileScope tiles;
  const int64_t width = ElementsOf<Bf16>(t.width);
  const Pair *head = reinterpret_cast<const Pair*>(t.head),
             *rows = reinterpret_cast<const Pair*>(x);
  for (int64_t i = 0; i < t.panels * kPanel; i += kLanes)
    Store(maxima + i, Splat(-__builtin_inff()));
  for (int64_t entry = 0; entry < t.entries; entry += kBlock) {
    const int64_t count = Least(kBlock, t.entries - entry);
    const BlockRows a{head + entry * width, width, kSide, count};
    for (int64_t panel = 0; panel < t.panels; ++panel) {
      float* logits = t.logits + (panel * t.entries + entry) * kPanel;
      MultiplyBlock(a, width, rows + panel * width * kPanel, 0, count, kPanel, nullptr, 0, logits,
                    kPanel);
      KeepLargest(logits, count, maxima + panel * kPanel);
    }
  }
}

// A tile of the transposed head: pairs of `entries` neighbouring rows of it for 16 columns. What is
// missing of 32 entries is zero.
BRAID_INLINE void TurnHeadTile(const uint16_t* head, int64_t ld, int64_t entries, Pair* tile) {
  const auto widen = [&](int64_t entry) __attribute__((always_inline)) {
    if (entry >= entries) return BitVector{};
    const HalfVector halves = *reinterpret_cast<const UnalignedHalf*>(head + entry * ld);
    return __builtin_convertvector(halves, BitVector);
  };
  BitVector pairs[kSide];
#pragma GCC unroll 16
  for (int j = 0; j < kSide; ++j) pairs[j] = widen(2 * j) | widen(2 * j + 1) << 16;
  StoreTransposed(pairs, tile);
}

// The tile's part of the head as tiles of its transpose, in blocks of 32 columns (InRoom).
void TileHeadColumns(const HeadTile& t, float* columns) {
  Pair* room = reinterpret_cast<Pair*>(columns);
  const int64_t depth = ElementsOf<Bf16>(t.entries), ld = 2 * ElementsOf<Bf16>(t.width);
  const uint16_t* head = reinterpret_cast<const uint16_t*>(t.head);
  for (int64_t entry = 0; entry < t.entries; entry += 2 * kSide) {
    for (int64_t column = 0; column < t.width; column += kSide) {
      TurnHeadTile(head + entry * ld + column, ld, t.entries - entry,
                   room + column / kBlock * BlockPairs(depth) + entry / 2 * kPanel +
                       column % kBlock * kSide);
    }
  }
}

// As PairEntries, for the registers of AVX-512, and whole steps of pairs: those beyond the last
// entry are zero.
BRAID_INLINE void PairInSteps(const uint16_t* panel, int64_t entries, Pair* to) {
  typedef uint16_t Words __attribute__((vector_size(64)));
  typedef uint16_t UnalignedWords __attribute__((vector_size(64), aligned(2), may_alias));
  const auto read = [&](int64_t entry) __attribute__((always_inline)) {
    return entry < entries ? *reinterpret_cast<const UnalignedWords*>(panel + entry * kPanel)
                           : Words{};
  };
  const int64_t whole = (entries + 2 * kSide - 1) / (2 * kSide) * (2 * kSide);
  for (int64_t entry = 0; entry < whole; entry += 2, to += kPanel) {
    const Words first = read(entry), second = read(entry + 1);
    *reinterpret_cast<UnalignedWords*>(to) = __builtin_shufflevector(
        first, second, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42,
        11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
    *reinterpret_cast<UnalignedWords*>(to + kSide) = __builtin_shufflevector(
        first, second, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25,
        57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
  }
}

// c [rows, kPanel] += factors * block, with a factor for each column.
BRAID_INLINE void AddScaled(const float* block, int64_t rows, const float* factors, float* c) {
  const Vector low = Load(factors), high = Load(factors + kLanes);
  for (int64_t i = 0; i < rows; ++i, block += kPanel, c += kPanel) {
    Store(c, Load(c) + low * Load(block));
    Store(c + kLanes, Load(c + kLanes) + high * Load(block + kLanes));
  }
}

// dx += factor of the row * exponentials * head (Products::head_input_gradient).
void TileHeadInputGradient(const HeadTile& t, const float* columns, const float* factors,
                           float* dx) {
  const TileScope tiles;
  alignas(64) Pair room[kTileDepth * kPanel];
  alignas(64) float block[kBlock * kPanel];
  const Pair* head = reinterpret_cast<const Pair*>(columns);
  const int64_t all = ElementsOf<Bf16>(t.entries);
  for (int64_t panel = 0; panel < t.panels; ++panel) {
    const uint16_t* kept = reinterpret_cast<const uint16_t*>(t.exponentials) +
                           panel * t.entries * kPanel;
    for (int64_t begin = 0; begin < all; begin += kTileDepth) {
      const int64_t entries = Least(2 * kTileDepth, t.entries - 2 * begin);
      PairInSteps(kept + 2 * begin * kPanel, entries, room);
      for (int64_t column = 0; column < t.width; column += kBlock) {
        const int64_t count = Least(kBlock, t.width - column);
        BlockRows a = InRoom(head, column, all);
        a.first += begin * kPanel;
        // Whole steps: what is missing in either is zero.
        MultiplyBlock(a, BlockPairs(ElementsOf<Bf16>(entries)) / kPanel, room, 0, count, kPanel,
                      nullptr, 0, block, kPanel);
        AddScaled(block, count, factors + panel * kPanel, dx + (panel * t.width + column) * kPanel);
      }
    }
  }
}

// gradient += exponentials' x, for x packed by rows (Products::head_weight_gradient).
void TileHeadWeightGradient(const HeadTile& t, const float* x, float* gradient) {
  const TileScope tiles;
  const Pair *exponentials = reinterpret_cast<const Pair*>(t.exponentials),
             *packed = reinterpret_cast<const Pair*>(x);
  // Rows of a panel are a step of the sum.
  const int64_t pairs = t.panels * kSide;
  for (int64_t entry = 0; entry < t.entries; entry += kBlock) {
    const int64_t count = Least(kBlock, t.entries - entry);
    float* c = gradient + entry * t.width;
    MultiplyBlock({exponentials + entry * kSide, kSide, t.entries * kSide, count}, pairs, packed,
                  pairs * kPanel, count, t.width, c, t.width, c, t.width);
  }
}

}  // namespace
}  // namespace braid::trainer
