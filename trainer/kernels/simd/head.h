// The pieces of the head's cross-entropy. See vector.h, and head_loss.cc for how they fit together.
#pragma once

#include "trainer/kernels/simd/product.h"

namespace braid::trainer {
namespace {

// Entries of the vocabulary whose exponentials, for all rows of a tile, stay in a core's cache.
constexpr int64_t kHeadDepth = 256;

// A block of the vocabulary stays in the cache while all panels of rows go past it.
void HeadLogits(const HeadTile& t, const float* x) {
  for (int64_t begin = 0; begin < t.entries; begin += kHeadDepth) {
    const int64_t depth = t.entries - begin < kHeadDepth ? t.entries - begin : kHeadDepth;
    for (int64_t panel = 0; panel < t.panels; ++panel) {
      float* logits = t.logits + (panel * t.entries + begin) * kPanel;
      ForEachBlock(depth, [&]<int kRows>(int64_t entry) {
        Tile<kRows> tile = {};
        AddRows<kRows>(t.width, t.head + (begin + entry) * t.width, t.width,
                       x + panel * t.width * kPanel, &tile);
        StoreTile<kRows>(tile, kPanel, nullptr, 0, logits + entry * kPanel, kPanel);
      });
    }
  }
}

// Two passes over the logits of each vector of rows: the maximum first, so that no exponential is
// above 1, then exponentials and their sum.
void HeadExp(const HeadTile& t, float* maxima, float* sums) {
  for (int64_t i = 0; i < 2 * t.panels; ++i) {
    float* x = t.logits + i / 2 * t.entries * kPanel + i % 2 * kLanes;
    // Four chains hide the latency of comparisons and additions.
    Vector maximum[4], sum[4] = {};
    for (Vector& one : maximum) one = Splat(-__builtin_inff());
    int64_t entry = 0;
    for (; entry + 4 <= t.entries; entry += 4) {
      for (int64_t j = 0; j < 4; ++j)
        maximum[j] = Larger(maximum[j], Load(x + (entry + j) * kPanel));
    }
    for (; entry < t.entries; ++entry) maximum[0] = Larger(maximum[0], Load(x + entry * kPanel));
    const Vector all = Larger(Larger(maximum[0], maximum[1]), Larger(maximum[2], maximum[3]));
    const auto replace = [&](int64_t at, Vector* into) __attribute__((always_inline)) {
      const Vector e = Exp(Load(x + at * kPanel) - all);
      Store(x + at * kPanel, e);
      *into += e;
    };
    for (entry = 0; entry + 4 <= t.entries; entry += 4) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) replace(entry + j, &sum[j]);
    }
    for (; entry < t.entries; ++entry) replace(entry, &sum[0]);
    Store(maxima + i * kLanes, all);
    Store(sums + i * kLanes, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}

// Columns of the head are copied together for each block, and then used for every panel.
void HeadInputGradient(const HeadTile& t, const float* factors, float* dx) {
  alignas(64) float columns[kHeadDepth * kTileRows];
  for (int64_t begin = 0; begin < t.entries; begin += kHeadDepth) {
    const int64_t depth = t.entries - begin < kHeadDepth ? t.entries - begin : kHeadDepth;
    ForEachBlock(t.width, [&]<int kRows>(int64_t column) {
      CopyColumns<kRows>(t.head + begin * t.width + column, t.width, depth, columns);
      for (int64_t panel = 0; panel < t.panels; ++panel) {
        Tile<kRows> tile = {};
        AddPacked<kRows>(depth, columns, t.logits + (panel * t.entries + begin) * kPanel, &tile);
        const Vector low = Load(factors + panel * kPanel),
                     high = Load(factors + panel * kPanel + kLanes);
        float* out = dx + (panel * t.width + column) * kPanel;
#pragma GCC unroll 16
        for (int i = 0; i < kRows; ++i, out += kPanel) {
          Store(out, Load(out) + low * tile.sums[i][0]);
          Store(out + kLanes, Load(out + kLanes) + high * tile.sums[i][1]);
        }
      }
    });
  }
}

// The sum runs over the rows in their order; panels of exponentials are the left factor as they
// lie.
void HeadWeightGradient(const HeadTile& t, const float* x, float* gradient) {
  const int64_t rows = t.panels * kPanel;
  ForEachBlock(t.entries, [&]<int kRows>(int64_t entry) {
    for (int64_t first = 0; first < t.width; first += kPanel) {
      const int64_t count = t.width - first < kPanel ? t.width - first : kPanel;
      Tile<kRows> tile = {};
      for (int64_t panel = 0; panel < t.panels; ++panel) {
        AddRows<kRows>(kPanel, t.logits + (panel * t.entries + entry) * kPanel, kPanel,
                       x + (first * rows + panel * kPanel * kPanel), &tile);
      }
      float* out = gradient + entry * t.width + first;
      StoreTile<kRows>(tile, count, out, t.width, out, t.width);
    }
  });
}

}  // namespace
}  // namespace braid::trainer
