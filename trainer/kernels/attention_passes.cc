#include <ATen/ATen.h>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Where the heads that share keys and values stand: in a row of qkv, and in one of the result.
// `unit` is their number among all sequences.
struct Unit {
  int64_t unit;
  int64_t row;         // the first of the sequence
  int64_t query;       // columns of their queries, in qkv as in the result
  int64_t key, value;  // columns in qkv
};

// Calls use(operands, unit) for the query heads of each head of keys, of every sequence, on all
// threads.
template <typename Use>
void ForEachHead(const at::Tensor& qkv, const Attended& attended, const AttentionShape& shape,
                 Use use) {
  const HeadCounts& heads = shape.heads;
  const int64_t columns = qkv.size(1), size = heads.SizeOf(columns), T = shape.sequence,
                w = heads.queries * size;
  const float* in = Read(qkv);
  AttentionOperands all{};
  all.ld = columns;
  all.queries = heads.group();
  all.sequence = T;
  all.size = size;
  all.width = w;
  all.cos = Read(shape.cos);
  all.sin = Read(shape.sin);
  all.interleaved = shape.layout == RopeLayout::kInterleaved;
  all.q_gain = Read(shape.q_gain);
  all.k_gain = Read(shape.k_gain);
  all.eps = static_cast<float>(shape.eps);
  all.out = Data(attended.y);
  all.maxima = Data(attended.sums);
  all.inverse = all.maxima + attended.sums.numel() / 2;
  ParallelFor(0, shape.batch * heads.keys, 1, [&](int64_t begin, int64_t end) {
    float* scratch = ScratchFloats(Scratch::kAttention, Simd().attention_scratch(T, size));
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t head = unit % heads.keys, key = w + head * size;
      const Unit at{unit, unit / heads.keys * T, head * heads.group() * size, key,
                    key + heads.keys * size};
      AttentionOperands one = all;
      one.q = in + at.row * columns + at.query;
      one.k = in + at.row * columns + at.key;
      one.v = in + at.row * columns + at.value;
      one.out += at.row * w + at.query;
      one.maxima += unit * heads.group() * T;
      one.inverse += unit * heads.group() * T;
      one.scratch = scratch;
      use(one, at);
    }
  });
}

}  // namespace

Attended AttentionForward(const at::Tensor& qkv, const AttentionShape& shape) {
  const int64_t queries = shape.heads.queries, size = shape.heads.SizeOf(qkv.size(1));
  const Attended attended{at::empty({qkv.size(0), queries * size}, qkv.options()),
                          at::empty({2, shape.batch, queries, shape.sequence}, qkv.options())};
  ForEachHead(qkv, attended, shape,
              [](const AttentionOperands& o, const Unit&) { Simd().attention(o); });
  return attended;
}

AttentionGradients AttentionBackward(const at::Tensor& qkv, const Attended& forward,
                                     const AttentionShape& shape, const at::Tensor& dy) {
  const int64_t columns = qkv.size(1), size = shape.heads.SizeOf(columns),
                units = shape.batch * shape.heads.keys, w = shape.heads.queries * size;
  AttentionGradients gradients;
  gradients.dqkv = at::empty(qkv.sizes(), qkv.options());
  at::Tensor gains;  // of each head of keys of each sequence by itself
  if (shape.q_gain.defined()) gains = at::zeros({2, units, size}, qkv.options());
  const float* dout = Read(dy);
  float *dqkv = Data(gradients.dqkv), *dgain = Data(gains);
  ForEachHead(qkv, forward, shape, [&](AttentionOperands& o, const Unit& at) {
    o.dout = dout + at.row * w + at.query;
    o.dq = dqkv + at.row * columns + at.query;
    o.dk = dqkv + at.row * columns + at.key;
    o.dv = dqkv + at.row * columns + at.value;
    if (dgain != nullptr) {
      o.dq_gain = dgain + at.unit * size;
      o.dk_gain = o.dq_gain + units * size;
    }
    Simd().attention_backward(o);
  });
  if (gains.defined()) {
    const at::Tensor sums = gains.sum(1);
    gradients.dq_gain = sums[0];
    gradients.dk_gain = sums[1];
  }
  return gradients;
}

}  // namespace braid::trainer
