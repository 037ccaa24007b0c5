// The pieces of the head's cross-entropy. See vector.h, and head_loss_cpu.cc for how they fit
// together.
#pragma once

#include "trainer/kernels/simd/product.h"

namespace braid::trainer {
namespace {

// The logits of a tile and the maximum of each row. The width is taken in slices of kDepth, so that
// a slice of x stays in the first cache.
void HeadLogits(const HeadTile& t, const float* x, float* maxima) {
  for (int64_t begin = 0; begin < t.width; begin += kDepth) {
    const int64_t depth = Least(kDepth, t.width - begin);
    for (int64_t panel = 0; panel < t.panels; ++panel) {
      float* logits = t.logits + panel * t.entries * kPanel;
      Vector low = Splat(-__builtin_inff()), high = low;
      ForEachBlock(t.entries, [&]<int kRows>(int64_t entry) {
        Tile<kRows> tile;
        Clear(&tile);
        AddRows<kRows>(depth, t.head + entry * t.width + begin, t.width,
                       x + (panel * t.width + begin) * kPanel, &tile);
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

// Replaces logits by e^(logit - maximum) and sums them for each row.
void HeadExp(const HeadTile& t, const float* maxima, float* sums) {
  for (int64_t i = 0; i < 2 * t.panels; ++i) {
    float* x = t.logits + i / 2 * t.entries * kPanel + i % 2 * kLanes;
    const Vector maximum = Load(maxima + i * kLanes);
    // Four chains hide the latency of the additions.
    Vector sum[4] = {};
    const auto replace = [&](int64_t at, Vector* into) __attribute__((always_inline)) {
      const Vector e = ExpBelow(Load(x + at * kPanel) - maximum);
      Store(x + at * kPanel, e);
      *into += e;
    };
    int64_t entry = 0;
    for (; entry + 4 <= t.entries; entry += 4) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) replace(entry + j, &sum[j]);
    }
    for (; entry < t.entries; ++entry) replace(entry, &sum[0]);
    Store(sums + i * kLanes, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}

// Copies the tile's part of the head in the order in which HeadInputGradient reads it.
void HeadColumns(const HeadTile& t, float* columns) {
  ForEachBlock(t.width, [&]<int kRows>(int64_t column) {
    CopyColumns<kRows>(t.head + column, t.width, t.entries, columns + column * t.entries);
  });
}

// dx += factor of the row * exponentials * head.
void HeadInputGradient(const HeadTile& t, const float* columns, const float* factors, float* dx) {
  for (int64_t panel = 0; panel < t.panels; ++panel) {
    const Vector low = Load(factors + panel * kPanel),
                 high = Load(factors + panel * kPanel + kLanes);
    ForEachBlock(t.width, [&]<int kRows>(int64_t column) {
      float* out = dx + (panel * t.width + column) * kPanel;
      FetchTile<kRows>(out, kPanel);
      Tile<kRows> tile;
      Clear(&tile);
      AddPacked<kRows>(t.entries, columns + column * t.entries,
                       t.logits + panel * t.entries * kPanel, &tile);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i, out += kPanel) {
        Store(out, Load(out) + low * tile.sums[i][0]);
        Store(out + kLanes, Load(out + kLanes) + high * tile.sums[i][1]);
      }
    });
  }
}

// gradient += exponentials' x, for x packed by rows.
void HeadWeightGradient(const HeadTile& t, const float* x, float* gradient) {
  const int64_t rows = t.panels * kPanel;
  for (int64_t first = 0; first < t.width; first += kPanel) {
    const int64_t count = Least(kPanel, t.width - first);
    ForEachBlock(t.entries, [&]<int kRows>(int64_t entry) {
      float* out = gradient + entry * t.width + first;
      FetchTile<kRows>(out, t.width);
      Tile<kRows> tile;
      Clear(&tile);
      for (int64_t panel = 0; panel < t.panels; ++panel) {
        AddRows<kRows>(kPanel, t.logits + (panel * t.entries + entry) * kPanel, kPanel,
                       x + (first * rows + panel * kPanel * kPanel), &tile);
      }
      StoreTile<kRows>(tile, count, out, t.width, out, t.width);
    });
  }
}

}  // namespace
}  // namespace braid::trainer
