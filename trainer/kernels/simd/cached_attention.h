// Causal attention for new tokens of a sequence, of the query heads that share one head of keys and
// values, with a cache of these of the tokens before them. The cache has the layout in which the
// products read it. See attention.h.
#pragma once

#include "trainer/kernels/simd/attention.h"

namespace braid::trainer {
namespace {

// The floats of scratch memory for `rows` new rows, the last of which is at position `last`.
int64_t CachedScratch(int64_t rows, int64_t last, int64_t size) {
  const int64_t positions = RoundUp(last + 1, kPanel);
  constexpr int64_t kMatrices = 4, kSlack = 16 * 16;
  return kMatrices * rows * size + 2 * rows + BlockQueries(last + 1) * positions + kSlack;
}

// Stores the key and the value of position `at` in the packed layouts of the cache.
BRAID_INLINE void Keep(const CachedAttentionOperands& o, const float* key, const float* value,
                       int64_t at) {
  const int64_t size = o.rows.size;
  float* column = o.keys + at / kPanel * size * kPanel + at % kPanel;
  for (int64_t i = 0; i < size; ++i) column[i * kPanel] = key[i];
  for (int64_t first = 0; first < size; first += kPanel) {
    float* row = o.values + first * o.capacity + at * kPanel;
    const int64_t count = Least(kPanel, size - first);
    for (int64_t i = 0; i < count; ++i) row[i] = value[first + i];
    Zero(row, count, kPanel);
  }
}

// One query head, with its queries turned and room for scores of a block.
BRAID_INLINE void MixKept(const CachedAttentionOperands& cached, const AttentionOperands& o,
                          const float* q, float* scores) {
  const int64_t T = o.sequence, all = cached.begin + T, ld = RoundUp(all, kPanel),
                block = BlockQueries(all);
  for (int64_t begin = 0; begin < T; begin += block) {
    const int64_t rows = Least(block, T - begin), seen = cached.begin + begin + rows,
                  end = RoundUp(seen, kPanel);
    // Columns of the last panel that nobody has kept yet give scores that are replaced.
    Score(o, q + begin * o.size, o.size, rows, end, cached.keys, scores, ld);
    float* out = o.out + begin * o.width;
    float inverse[kMostQueries];
    for (int64_t i = 0; i < rows; ++i) {
      float maximum;
      Exponentials(scores + i * ld, cached.begin + begin + i + 1, end, &maximum, &inverse[i]);
    }
    Product<Fp32>({.a = scores,
                   .lda = ld,
                   .rows = rows,
                   .k = seen,
                   .columns = o.size,
                   .b = cached.values,
                   .b_rows = cached.capacity,
                   .add = nullptr,
                   .ld_add = 0,
                   .c = out,
                   .ldc = o.width});
    for (int64_t i = 0; i < rows; ++i) Multiply(out + i * o.width, o.size, inverse[i]);
  }
}

// The attention of the new rows of one sequence (SimdKernels::cached_attention).
void CachedAttention(const CachedAttentionOperands& cached) {
  const AttentionOperands& o = cached.rows;
  Arena arena(o.scratch);
  const int64_t T = o.sequence, all = cached.begin + T;
  const Turned q = RoomToTurn(o, o.q_gain, &arena), k = RoomToTurn(o, o.k_gain, &arena);
  float* scores = arena.Take(BlockQueries(all) * RoundUp(all, kPanel));
  Turn(o, o.k, o.k_gain, k);
  for (int64_t t = 0; t < T; ++t)
    Keep(cached, k.rows + t * o.size, o.v + t * o.ld, cached.begin + t);
  for (int64_t head = 0; head < o.queries; ++head) {
    const AttentionOperands one = QueryHead(o, head);
    TurnQueries(one, q);
    MixKept(cached, one, q.rows, scores);
  }
}

}  // namespace
}  // namespace braid::trainer
