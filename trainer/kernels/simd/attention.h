// Causal attention of the query heads that share one head of keys and values over one sequence,
// with rotary positions. See vector.h and simd.h. Keys and values are turned and packed once for
// all of the query heads.
//
// Scores exist for a block of queries at a time, and for the keys before the end of the block.
// Forward keeps the maximum and the sum of each row, from which backward makes the weights again.
#pragma once

#include "trainer/kernels/simd/product.h"
#include "trainer/kernels/simd/rows.h"

namespace braid::trainer {
namespace {

// The smallest multiple of `to` that is at least `count`.
BRAID_INLINE int64_t RoundUp(int64_t count, int64_t to) {
  return (count + to - 1) / to * to;
}

// Queries of a block: as many as have scores of 128 KB, but at least a tile and not too many.
constexpr int64_t kMostQueries = 48;
// The number of queries whose scores are computed together. 32768 floats are 128 KB.
BRAID_INLINE int64_t BlockQueries(int64_t sequence) {
  const int64_t fit = 32768 / RoundUp(sequence, kPanel) / kTileRows * kTileRows;
  return fit < kTileRows ? kTileRows : Least(fit, kMostQueries);
}

// Takes pieces of a buffer, each aligned to 64 bytes.
class Arena {
 public:
  explicit Arena(float* memory) : next_(memory) {}
  BRAID_INLINE float* Take(int64_t count) {
    float* taken = next_;
    next_ += RoundUp(count, 16);
    return taken;
  }

 private:
  float* next_;
};

// The floats of scratch memory that either pass needs for one head of keys.
int64_t AttentionScratch(int64_t sequence, int64_t size) {
  const int64_t rows = RoundUp(sequence, kPanel), columns = RoundUp(size, kPanel);
  constexpr int64_t kMatrices = 10, kSlack = 16 * 16;
  return kMatrices * (rows * columns + 16) + BlockQueries(sequence) * (2 * rows + columns) +
         2 * rows + kSlack;
}

// out = rows of `size` elements, rotated by the angles of their positions times `sign`.
BRAID_INLINE void TurnRows(const AttentionOperands& o, const float* in, int64_t ld, float sign,
                           float* out, int64_t ld_out) {
  const int64_t half = o.size / 2;
  for (int64_t t = 0; t < o.sequence; ++t) {
    const float *cos = o.cos + t * half, *sin = o.sin + t * half;
    if (o.interleaved) {
      TurnPairs(in + t * ld, cos, sin, half, sign, out + t * ld_out);
    } else {
      TurnHalf(in + t * ld, cos, sin, half, sign, out + t * ld_out);
    }
  }
}

// Multiplies `count` elements by `factor` in place.
BRAID_INLINE void Multiply(float* x, int64_t count, float factor) {
  ForEachVector(count, [&](auto load, auto store)
                           __attribute__((always_inline)) { store(x, load(x) * factor); });
}

// Queries or keys of a head [sequence, size]: rotated, and then normed if there is a gain.
struct Turned {
  float* rotated;
  float* rows;     // as the scores see them; `rotated` itself without a gain
  float* inverse;  // of the norm
};

// Takes the buffers of a Turned from the arena.
BRAID_INLINE Turned RoomToTurn(const AttentionOperands& o, const float* gain, Arena* arena) {
  Turned turned{};
  turned.rotated = turned.rows = arena->Take(o.sequence * o.size);
  if (gain == nullptr) return turned;
  turned.rows = arena->Take(o.sequence * o.size);
  turned.inverse = arena->Take(o.sequence);
  return turned;
}

// The operands of the norm of rotated heads.
BRAID_INLINE RmsNormOperands NormOf(const AttentionOperands& o, const float* gain,
                                    const Turned& turned) {
  RmsNormOperands norm{};
  norm.x = turned.rotated;
  norm.gain = gain;
  norm.rows = o.sequence;
  norm.w = o.size;
  norm.eps = o.eps;
  norm.y = turned.rows;
  norm.inverse = turned.inverse;
  return norm;
}

// Rotates the rows `in` [sequence, size], which are o.ld apart, and norms them if there is a gain.
BRAID_INLINE void Turn(const AttentionOperands& o, const float* in, const float* gain,
                       const Turned& turned) {
  TurnRows(o, in, o.ld, 1.0f, turned.rotated, o.size);
  if (gain != nullptr) RmsNorm(NormOf(o, gain, turned));
}

// The gradient of what Turn read, from that of its rows, which is overwritten.
BRAID_INLINE void TurnBack(const AttentionOperands& o, const Turned& turned, const float* gain,
                           float* gradient, float* dgain, float* out) {
  if (gain != nullptr) {
    RmsNormOperands norm = NormOf(o, gain, turned);
    norm.dy = norm.dx = gradient;
    norm.dgain = dgain;
    RmsNormBackward(norm);
  }
  TurnRows(o, gradient, o.size, -1.0f, out, o.ld);
}

// Sets x[begin .. end) to zero.
BRAID_INLINE void Zero(float* x, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) x[i] = 0.0f;
}

// Replaces `count` scores by e^(score - maximum), and those after them, up to `end`, by 0. Whole
// vectors may be read and written.
BRAID_INLINE void Exponentials(float* x, int64_t count, int64_t end, float* maximum,
                               float* inverse) {
  for (int64_t i = count; i % kLanes != 0; ++i) x[i] = -__builtin_inff();
  Vector largest = Splat(-__builtin_inff());
  for (int64_t i = 0; i < count; i += kLanes) largest = Larger(largest, Load(x + i));
  *maximum = Largest(largest);
  Vector sums = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector e = ExpBelow(Load(x + i) - *maximum);
    Store(x + i, e);
    sums += e;
  }
  *inverse = 1.0f / Sum(sums);
  Zero(x, count, end);
}

// Replaces `count` scores by their weights p, and gradients dp of these by those of the scores,
// p (dp - dot), where `dot` is the sum of p dp. What follows becomes 0, as above.
BRAID_INLINE void ScoreGradients(float* x, float* dp, int64_t count, int64_t end, float maximum,
                                 float inverse, float dot) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector p = ExpBelow(Load(x + i) - maximum) * inverse;
    Store(x + i, p);
    Store(dp + i, p * (Load(dp + i) - dot));
  }
  Zero(x, count, end);
  Zero(dp, count, end);
}

// The dot product of `count` elements.
BRAID_INLINE float Dot(const float* a, const float* b, int64_t count) {
  Vector sums = {};
  ForEachVector(count,
                [&](auto load, auto) __attribute__((always_inline)) { sums += load(a) * load(b); });
  return Sum(sums);
}

// Scores, or gradients of weights, of some queries: rows [rows, size] times packed [size, keys].
BRAID_INLINE void Score(const AttentionOperands& o, const float* rows, int64_t ld, int64_t count,
                        int64_t keys, const float* packed, float* scores, int64_t ld_scores) {
  Product<Fp32>({.a = rows,
                 .lda = ld,
                 .rows = count,
                 .k = o.size,
                 .columns = keys,
                 .b = packed,
                 .b_rows = o.size,
                 .add = nullptr,
                 .ld_add = 0,
                 .c = scores,
                 .ldc = ld_scores});
}

// 1 / sqrt(head size), by which queries are multiplied.
BRAID_INLINE float ScaleOf(const AttentionOperands& o) {
  return 1.0f / __builtin_sqrtf(static_cast<float>(o.size));
}

// The operands of query head `head` alone: what it reads and writes by itself.
BRAID_INLINE AttentionOperands QueryHead(const AttentionOperands& o, int64_t head) {
  AttentionOperands one = o;
  one.q += head * o.size;
  one.out += head * o.size;
  if (o.maxima != nullptr) one.maxima += head * o.sequence;
  if (o.inverse != nullptr) one.inverse += head * o.sequence;
  if (o.dout != nullptr) one.dout += head * o.size;
  if (o.dq != nullptr) one.dq += head * o.size;
  return one;
}

// The queries [sequence, size] of one head as the scores see them, turned into `q`.
BRAID_INLINE void TurnQueries(const AttentionOperands& o, const Turned& q) {
  Turn(o, o.q, o.q_gain, q);
  Multiply(q.rows, o.sequence * o.size, ScaleOf(o));
}

// One query head, with keys and values packed and room for scores of a block.
BRAID_INLINE void MixValues(const AttentionOperands& o, const float* q, const float* keys,
                            const float* values, float* scores) {
  const int64_t T = o.sequence, ld = RoundUp(T, kPanel), block = BlockQueries(T);
  for (int64_t begin = o.first; begin < T; begin += block) {
    const int64_t rows = Least(block, T - begin), end = RoundUp(begin + rows, kPanel);
    Score(o, q + begin * o.size, o.size, rows, end, keys, scores, ld);
    for (int64_t i = 0; i < rows; ++i)
      Exponentials(scores + i * ld, begin + i + 1, end, o.maxima + begin + i,
                   o.inverse + begin + i);
    float* out = o.out + begin * o.width;
    Product<Fp32>({.a = scores,
                   .lda = ld,
                   .rows = rows,
                   .k = begin + rows,
                   .columns = o.size,
                   .b = values,
                   .b_rows = T,
                   .add = nullptr,
                   .ld_add = 0,
                   .c = out,
                   .ldc = o.width});
    for (int64_t i = 0; i < rows; ++i) Multiply(out + i * o.width, o.size, o.inverse[begin + i]);
  }
}

// The forward pass for one head of keys and values (SimdKernels::attention).
void AttentionForward(const AttentionOperands& o) {
  Arena arena(o.scratch);
  const int64_t T = o.sequence, ld = RoundUp(T, kPanel);
  const Turned q = RoomToTurn(o, o.q_gain, &arena), k = RoomToTurn(o, o.k_gain, &arena);
  float *keys = arena.Take(ld * o.size), *values = arena.Take(T * RoundUp(o.size, kPanel)),
        *scores = arena.Take(BlockQueries(T) * ld);
  Turn(o, o.k, o.k_gain, k);
  PackTransposed<Fp32>(k.rows, o.size, o.size, T, keys);
  Pack<Fp32>(o.v, o.ld, T, o.size, nullptr, values);
  for (int64_t head = 0; head < o.queries; ++head) {
    const AttentionOperands one = QueryHead(o, head);
    TurnQueries(one, q);
    MixValues(one, q.rows, keys, values, scores);
  }
}

// The buffers of a backward pass.
struct AttentionGradients {
  float *keys, *values;       // packed [size, sequence]
  float* key_rows;            // packed [sequence, size]
  float *dq, *dk, *dv;        // [sequence, size]
  float *scores, *gradients;  // [queries of a block, keys]
  float* block;               // packed rows of a block
};

// One block of queries of a head: adds to dk and dv, and writes its rows of dq.
BRAID_INLINE void BackwardBlock(const AttentionOperands& o, const float* q, int64_t begin,
                                int64_t rows, const AttentionGradients& g) {
  const int64_t T = o.sequence, ld = RoundUp(T, kPanel), keys = begin + rows,
                end = RoundUp(keys, kPanel);
  const float *dout = o.dout + begin * o.width, *out = o.out + begin * o.width;
  Score(o, q + begin * o.size, o.size, rows, end, g.keys, g.scores, ld);
  Score(o, dout, o.width, rows, end, g.values, g.gradients, ld);
  for (int64_t i = 0; i < rows; ++i) {
    // The sum of all weights times their gradients is that of the result times its gradient.
    ScoreGradients(g.scores + i * ld, g.gradients + i * ld, begin + i + 1, end, o.maxima[begin + i],
                   o.inverse[begin + i], Dot(dout + i * o.width, out + i * o.width, o.size));
  }
  Product<Fp32>({.a = g.gradients,
                 .lda = ld,
                 .rows = rows,
                 .k = keys,
                 .columns = o.size,
                 .b = g.key_rows,
                 .b_rows = T,
                 .add = nullptr,
                 .ld_add = 0,
                 .c = g.dq + begin * o.size,
                 .ldc = o.size});
  const auto add = [&](const float* weights, float* to) {
    Outer<Fp32>({.a = weights,
                 .lda = ld,
                 .rows = rows,
                 .a_columns = keys,
                 .b_columns = o.size,
                 .b = g.block,
                 .c = to,
                 .ldc = o.size});
  };
  Pack<Fp32>(q + begin * o.size, o.size, rows, o.size, nullptr, g.block);
  add(g.gradients, g.dk);
  Pack<Fp32>(dout, o.width, rows, o.size, nullptr, g.block);
  add(g.scores, g.dv);
}

// The backward pass (SimdKernels::attention_backward). Overwrites dq, dk and dv.
void AttentionBackward(const AttentionOperands& o) {
  Arena arena(o.scratch);
  const int64_t T = o.sequence, ld = RoundUp(T, kPanel), block = BlockQueries(T),
                panels = RoundUp(o.size, kPanel);
  const Turned q = RoomToTurn(o, o.q_gain, &arena), k = RoomToTurn(o, o.k_gain, &arena);
  AttentionGradients g{};
  g.keys = arena.Take(ld * o.size);
  g.values = arena.Take(ld * o.size);
  g.key_rows = arena.Take(T * panels);
  g.dq = arena.Take(T * o.size);
  g.dk = arena.Take(T * o.size);
  g.dv = arena.Take(T * o.size);
  g.scores = arena.Take(block * ld);
  g.gradients = arena.Take(block * ld);
  g.block = arena.Take(block * panels);
  Turn(o, o.k, o.k_gain, k);
  PackTransposed<Fp32>(k.rows, o.size, o.size, T, g.keys);
  PackTransposed<Fp32>(o.v, o.ld, o.size, T, g.values);
  Pack<Fp32>(k.rows, o.size, T, o.size, nullptr, g.key_rows);
  Zero(g.dk, 0, T * o.size);
  Zero(g.dv, 0, T * o.size);
  for (int64_t head = 0; head < o.queries; ++head) {
    const AttentionOperands one = QueryHead(o, head);
    TurnQueries(one, q);
    for (int64_t begin = 0; begin < T; begin += block)
      BackwardBlock(one, q.rows, begin, Least(block, T - begin), g);
    Multiply(g.dq, T * o.size, ScaleOf(o));
    TurnBack(o, q, o.q_gain, g.dq, o.dq_gain, one.dq);
  }
  TurnBack(o, k, o.k_gain, g.dk, o.dk_gain, o.dk);
  for (int64_t t = 0; t < T; ++t) {
    const float* from = g.dv + t * o.size;
    float* to = o.dv + t * o.ld;
    ForEachVector(o.size, [&](auto load, auto store)
                              __attribute__((always_inline)) { store(to, load(from)); });
  }
}

}  // namespace
}  // namespace braid::trainer
