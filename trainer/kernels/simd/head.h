// The pieces of the head's cross-entropy. See vector.h, and head_loss_cpu.cc for how they fit
// together.
#pragma once

#include "trainer/kernels/simd/product.h"

namespace braid::trainer {
namespace {

// The logits of a tile and the maximum of each row. The width is taken in slices of kDepth, so that
// a slice of x stays in the first cache.
template <typename Numbers>
void HeadLogits(const HeadTile& t, const float* x, float* maxima) {
  using Element = typename Numbers::Element;
  const int64_t width = ElementsOf<Numbers>(t.width);
  const Element *head = reinterpret_cast<const Element*>(t.head),
                *rows = reinterpret_cast<const Element*>(x);
  for (int64_t begin = 0; begin < width; begin += kDepth) {
    const int64_t depth = Least(kDepth, width - begin);
    for (int64_t panel = 0; panel < t.panels; ++panel) {
      float* logits = t.logits + panel * t.entries * kPanel;
      Vector low = Splat(-__builtin_inff()), high = low;
      ForEachBlock(t.entries, [&]<int kRows>(int64_t entry) {
        Tile<kRows> tile;
        Clear(&tile);
        AddRows<Numbers, kRows>(depth, head + entry * width + begin, width,
                                rows + (panel * width + begin) * kPanel, &tile);
        float* to = logits + entry * kPanel;
#pragma GCC unroll 16
        for (int i = 0; i < kRows; ++i, to += kPanel) {
          if (begin > 0) {
            tile.sums[i][0] += Load(to);
            tile.sums[i][1] += Load(to + kLanes);
          }
          Store(to, tile.sums[i][0]);
          Store(to + kLanes, tile.sums[i][1]);
          low = Larger(low, tile.sums[i][0]);
          high = Larger(high, tile.sums[i][1]);
        }
      });
      // Those of the last columns count: then the logits are complete.
      Store(maxima + panel * kPanel, low);
      Store(maxima + panel * kPanel + kLanes, high);
    }
  }
}

// Sums e^(logit - maximum) for each row and keeps the exponentials, as Products::head_exp says.
template <typename Numbers>
void HeadExp(const HeadTile& t, const float* maxima, float* sums) {
  for (int64_t panel = 0; panel < t.panels; ++panel) {
    const float* x = t.logits + panel * t.entries * kPanel;
    float* kept = t.exponentials + panel * t.entries * kPanel / Numbers::kNumbers;
    const Vector maximum[2] = {Load(maxima + panel * kPanel),
                               Load(maxima + panel * kPanel + kLanes)};
    // Four chains for each half hide the latency of the additions.
    Vector sum[2][4] = {};
    const auto replace = [&](int64_t entry, int64_t chain) __attribute__((always_inline)) {
      Vector e[2];
#pragma GCC unroll 2
      for (int64_t half = 0; half < 2; ++half) {
        e[half] = ExpBelow(Load(x + entry * kPanel + half * kLanes) - maximum[half]);
        sum[half][chain] += e[half];
      }
      if constexpr (Numbers::kNumbers == 1) {
        Store(kept + entry * kPanel, e[0]);
        Store(kept + entry * kPanel + kLanes, e[1]);
      } else {
        StoreRounded(reinterpret_cast<Bf16::Element*>(kept) + entry * kLanes, e[0], e[1]);
      }
    };
    int64_t entry = 0;
    for (; entry + 4 <= t.entries; entry += 4) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) replace(entry + j, j);
    }
    for (; entry < t.entries; ++entry) replace(entry, 0);
#pragma GCC unroll 2
    for (int64_t half = 0; half < 2; ++half) {
      Store(sums + panel * kPanel + half * kLanes,
            (sum[half][0] + sum[half][1]) + (sum[half][2] + sum[half][3]));
    }
  }
}

// The bf16 numbers at four neighbouring places, each in the lower half of an element.
typedef uint32_t FourBits __attribute__((vector_size(16)));
BRAID_INLINE FourBits WidenFour(const uint16_t* x) {
  typedef uint16_t FourHalves __attribute__((vector_size(8)));
  typedef uint16_t UnalignedHalves __attribute__((vector_size(8), aligned(2), may_alias));
  const FourHalves halves = *reinterpret_cast<const UnalignedHalves*>(x);
  return __builtin_convertvector(halves, FourBits);
}

// packed [count / 2, kRows] = pairs of the first kRows numbers of neighbours among `count` rows of
// bf16, which are `ld` numbers apart. Reads and writes up to kCopySlack elements beyond the end.
template <int kRows>
BRAID_INLINE void PairColumns(const uint16_t* from, int64_t ld, int64_t count, float* packed) {
  for (int64_t row = 0; row < count; row += 2, from += 2 * ld, packed += kRows) {
#pragma GCC unroll 4
    for (int i = 0; i < kRows; i += 4) {
      FourBits pairs = WidenFour(from + i);
      if (row + 1 < count) pairs |= WidenFour(from + ld + i) << 16;
      StoreFour(packed + i, reinterpret_cast<Four>(pairs));
    }
  }
}

// Copies the tile's part of the head in the order in which HeadInputGradient reads it.
template <typename Numbers>
void HeadColumns(const HeadTile& t, float* columns) {
  const int64_t entries = ElementsOf<Numbers>(t.entries);
  ForEachBlock(t.width, [&]<int kRows>(int64_t column) {
    float* to = columns + column * entries;
    if constexpr (Numbers::kNumbers == 1) {
      CopyColumns<kRows>(t.head + column, t.width, t.entries, to);
    } else {
      PairColumns<kRows>(reinterpret_cast<const uint16_t*>(t.head) + column,
                         2 * ElementsOf<Numbers>(t.width), t.entries, to);
    }
  });
}

// Entries begin .. begin + 2 * depth - 1 of a panel of exponentials [entries, kPanel] of bf16, in
// pairs of entries: [depth, kPanel].
BRAID_INLINE void PairEntries(const uint16_t* panel, int64_t entries, int64_t begin, int64_t depth,
                              Bf16::Element* to) {
  const auto widen = [](const uint16_t* x) __attribute__((always_inline)) {
    const HalfVector halves = *reinterpret_cast<const UnalignedHalf*>(x);
    return __builtin_convertvector(halves, BitVector);
  };
  for (int64_t j = 0; j < depth; ++j, to += kPanel) {
    const int64_t entry = begin + 2 * j;
#pragma GCC unroll 2
    for (int64_t half = 0; half < kPanel; half += kLanes) {
      const uint16_t* from = panel + entry * kPanel + half;
      BitVector pairs = widen(from);
      if (entry + 1 < entries) pairs |= widen(from + kPanel) << 16;
      *reinterpret_cast<UnalignedBits*>(to + half) = pairs;
    }
  }
}

// dx += factor of the row * exponentials * head.
template <typename Numbers>
void HeadInputGradient(const HeadTile& t, const float* columns, const float* factors, float* dx) {
  using Element = typename Numbers::Element;
  alignas(64) Element room[Numbers::kNumbers == 1 ? 1 : kDepth * kPanel];
  const int64_t entries = ElementsOf<Numbers>(t.entries),
                most = Numbers::kNumbers == 1 ? entries : kDepth;
  for (int64_t panel = 0; panel < t.panels; ++panel) {
    const Vector low = Load(factors + panel * kPanel),
                 high = Load(factors + panel * kPanel + kLanes);
    const float* kept = t.exponentials + panel * t.entries * kPanel / Numbers::kNumbers;
    for (int64_t begin = 0; begin < entries; begin += most) {
      const int64_t depth = Least(most, entries - begin);
      const Element* b = reinterpret_cast<const Element*>(kept) + begin * kPanel;
      if constexpr (Numbers::kNumbers == 2) {
        PairEntries(reinterpret_cast<const uint16_t*>(kept), t.entries, 2 * begin, depth, room);
        b = room;
      }
      ForEachBlock(t.width, [&]<int kRows>(int64_t column) {
        float* out = dx + (panel * t.width + column) * kPanel;
        FetchTile<kRows>(out, kPanel);
        Tile<kRows> tile;
        Clear(&tile);
        AddColumns<Numbers, kRows>(
            depth, reinterpret_cast<const Element*>(columns) + column * entries + begin * kRows,
            kRows, b, &tile);
#pragma GCC unroll 16
        for (int i = 0; i < kRows; ++i, out += kPanel) {
          Store(out, Load(out) + low * tile.sums[i][0]);
          Store(out + kLanes, Load(out + kLanes) + high * tile.sums[i][1]);
        }
      });
    }
  }
}

// gradient += exponentials' x, for x packed by rows.
template <typename Numbers>
void HeadWeightGradient(const HeadTile& t, const float* x, float* gradient) {
  using Element = typename Numbers::Element;
  constexpr int64_t kRowsOfPanel = kPanel / Numbers::kNumbers;  // in elements
  const Element *exponentials = reinterpret_cast<const Element*>(t.exponentials),
                *packed = reinterpret_cast<const Element*>(x);
  const int64_t rows = t.panels * kRowsOfPanel;
  for (int64_t first = 0; first < t.width; first += kPanel) {
    const int64_t count = Least(kPanel, t.width - first);
    ForEachBlock(t.entries, [&]<int kRows>(int64_t entry) {
      float* out = gradient + entry * t.width + first;
      FetchTile<kRows>(out, t.width);
      Tile<kRows> tile;
      Clear(&tile);
      for (int64_t panel = 0; panel < t.panels; ++panel) {
        AddRows<Numbers, kRows>(
            kRowsOfPanel, exponentials + (panel * t.entries + entry) * kRowsOfPanel, kRowsOfPanel,
            packed + first * rows + panel * kRowsOfPanel * kPanel, &tile);
      }
      StoreTile<kRows>(tile, count, out, t.width, out, t.width);
    });
  }
}

}  // namespace
}  // namespace braid::trainer
