#include <ATen/ATen.h>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Calls use(operands, unit) for every head of every sequence, on all threads.
template <typename Use>
void ForEachHead(const at::Tensor& qkv, const Attended& attended, const AttentionShape& shape,
                 Use use) {
  const int64_t w = qkv.size(1) / 3, size = w / shape.heads, T = shape.sequence;
  AttentionOperands all{};
  all.qkv = Read(qkv);
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
  ParallelFor(0, shape.batch * shape.heads, 1, [&](int64_t begin, int64_t end) {
    float* scratch = ScratchFloats(Scratch::kAttention, Simd().attention_scratch(T, size));
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit / shape.heads * T, column = unit % shape.heads * size;
      AttentionOperands one = all;
      one.qkv += row * 3 * w + column;
      one.out += row * w + column;
      one.maxima += unit * T;
      one.inverse += unit * T;
      one.scratch = scratch;
      use(one, unit, row, column);
    }
  });
}

}  // namespace

Attended AttentionForward(const at::Tensor& qkv, const AttentionShape& shape) {
  const Attended attended{at::empty({qkv.size(0), qkv.size(1) / 3}, qkv.options()),
                          at::empty({2, shape.batch, shape.heads, shape.sequence}, qkv.options())};
  ForEachHead(qkv, attended, shape,
              [](const AttentionOperands& o, int64_t, int64_t, int64_t) { Simd().attention(o); });
  return attended;
}

AttentionGradients AttentionBackward(const at::Tensor& qkv, const Attended& forward,
                                     const AttentionShape& shape, const at::Tensor& dy) {
  const int64_t w = qkv.size(1) / 3, size = w / shape.heads;
  AttentionGradients gradients;
  gradients.dqkv = at::empty(qkv.sizes(), qkv.options());
  at::Tensor gains;  // of each head of each sequence by itself
  if (shape.q_gain.defined())
    gains = at::zeros({2, shape.batch * shape.heads, size}, qkv.options());
  const float* dout = Read(dy);
  float *dqkv = Data(gradients.dqkv), *dgain = Data(gains);
  ForEachHead(qkv, forward, shape,
              [&](AttentionOperands& o, int64_t unit, int64_t row, int64_t column) {
                o.dout = dout + row * w + column;
                o.dqkv = dqkv + row * 3 * w + column;
                if (dgain != nullptr) {
                  o.dq_gain = dgain + unit * size;
                  o.dk_gain = o.dq_gain + shape.batch * w;
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
