#include "trainer/kernels/passes.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Rows that a thread takes at a time. Gradients of gains and slopes are summed over pieces of this
// many rows, then over the pieces in their order: fixed pieces give the same bits with any number
// of threads.
constexpr int64_t kPieceRows = 64;

float* Data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}
const float* Read(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

// `parts` blocks of `rows` rows, cut into pieces.
struct Pieces {
  int64_t parts, rows;
  int64_t each() const { return (rows + kPieceRows - 1) / kPieceRows; }
  int64_t count() const { return parts * each(); }

  // Calls use(piece, part, first row of all, rows).
  template <typename Use>
  void ForEach(Use use) const {
    ParallelFor(0, count(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t part = piece / each(), inside = piece % each() * kPieceRows;
        use(piece, part, part * rows + inside, std::min(kPieceRows, rows - inside));
      }
    });
  }
};

LinearShape ShapeOf(const at::Tensor& rows, const at::Tensor& weight) {
  const int64_t paths = weight.dim() == 3 ? weight.size(0) : 1;
  return {paths, rows.size(0) / paths, weight.size(-1), weight.size(-2)};
}
int64_t StrideOf(const at::Tensor& weight) {
  return weight.dim() == 3 ? weight.stride(0) : 0;
}

void Fill(const at::Tensor& part, RopeOperands* o, int which) {
  o->parts[which] = part.mutable_data_ptr<float>();
  for (int i = 0; i < 3; ++i) o->strides[which][i] = part.stride(i);
}

RopeOperands Rope(const at::Tensor& packed, const at::Tensor& cos, const at::Tensor& sin,
                  const AttentionShape& shape) {
  return {.packed = packed.mutable_data_ptr<float>(),
          .parts = {},
          .strides = {},
          .cos = cos.const_data_ptr<float>(),
          .sin = sin.const_data_ptr<float>(),
          .sequence = shape.sequence,
          .heads = shape.heads,
          .size = packed.size(1) / 3 / shape.heads,
          .interleaved = shape.layout == RopeLayout::kInterleaved};
}

}  // namespace

Normed NormForward(const at::Tensor& x, const at::Tensor& gain, double eps) {
  const int64_t w = x.size(1), parts = gain.numel() / w;
  Normed normed{at::empty(x.sizes(), x.options()), at::empty({x.size(0)}, x.options())};
  const float *in = Read(x), *gains = Read(gain);
  float *y = Data(normed.y), *inverse = Data(normed.inverse);
  Pieces{parts, x.size(0) / parts}.ForEach(
      [&](int64_t, int64_t part, int64_t first, int64_t count) {
        RmsNormOperands o{};
        o.x = in + first * w;
        o.gain = gains + part * w;
        o.rows = count;
        o.w = w;
        o.eps = static_cast<float>(eps);
        o.y = y + first * w;
        o.inverse = inverse + first;
        Simd().rms_norm(o);
      });
  return normed;
}

NormGradients NormBackward(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& inverse,
                           const at::Tensor& dy, const at::Tensor& add) {
  const int64_t w = x.size(1), parts = gain.numel() / w;
  const Pieces pieces{parts, x.size(0) / parts};
  at::Tensor dx = at::empty(x.sizes(), x.options());
  at::Tensor sums = at::zeros({parts, pieces.each(), w}, x.options());
  const float *in = Read(x), *gains = Read(gain), *dout = Read(dy), *more = Read(add);
  float *out = Data(dx), *dgain = Data(sums), *r = Data(inverse);
  pieces.ForEach([&](int64_t piece, int64_t part, int64_t first, int64_t count) {
    RmsNormOperands o{};
    o.x = in + first * w;
    o.gain = gains + part * w;
    o.rows = count;
    o.w = w;
    o.inverse = r + first;
    o.dy = dout + first * w;
    o.add = more != nullptr ? more + first * w : nullptr;
    o.dx = out + first * w;
    o.dgain = dgain + piece * w;
    Simd().rms_norm_backward(o);
  });
  return {dx, sums.sum(1)};
}

at::Tensor GateForward(const at::Tensor& x, const at::Tensor& beta) {
  const int64_t f = x.size(1) / 2, parts = beta.defined() ? beta.numel() / f : 1;
  at::Tensor y = at::empty({x.size(0), f}, x.options());
  const float *in = Read(x), *slopes = Read(beta);
  float* out = Data(y);
  Pieces{parts, x.size(0) / parts}.ForEach(
      [&](int64_t, int64_t part, int64_t first, int64_t count) {
        SwiGluOperands o{};
        o.x = in + first * 2 * f;
        o.beta = slopes != nullptr ? slopes + part * f : nullptr;
        o.rows = count;
        o.f = f;
        o.y = out + first * f;
        Simd().swiglu(o);
      });
  return y;
}

GateGradients GateBackward(const at::Tensor& x, const at::Tensor& beta, const at::Tensor& dy,
                           bool value) {
  const int64_t f = x.size(1) / 2, parts = beta.defined() ? beta.numel() / f : 1;
  const Pieces pieces{parts, x.size(0) / parts};
  GateGradients gradients;
  gradients.dx = at::empty(x.sizes(), x.options());
  if (value) gradients.y = at::empty(dy.sizes(), dy.options());
  at::Tensor sums;
  if (beta.defined()) sums = at::zeros({parts, pieces.each(), f}, x.options());
  const float *in = Read(x), *slopes = Read(beta), *dout = Read(dy);
  float *dx = Data(gradients.dx), *y = Data(gradients.y), *dbeta = Data(sums);
  pieces.ForEach([&](int64_t piece, int64_t part, int64_t first, int64_t count) {
    SwiGluOperands o{};
    o.x = in + first * 2 * f;
    o.beta = slopes != nullptr ? slopes + part * f : nullptr;
    o.rows = count;
    o.f = f;
    o.y = y != nullptr ? y + first * f : nullptr;
    o.dy = dout + first * f;
    o.dx = dx + first * 2 * f;
    o.dbeta = dbeta != nullptr ? dbeta + piece * f : nullptr;
    Simd().swiglu_backward(o);
  });
  if (beta.defined()) gradients.dbeta = sums.sum(1);
  return gradients;
}

Attended AttentionForward(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                          const AttentionShape& shape) {
  RopeOperands rope = Rope(qkv, cos, sin, shape);
  Attended attended;
  attended.parts = at::empty({3, shape.batch, shape.heads, shape.sequence, rope.size},
                             qkv.options());
  const at::Tensor &parts = attended.parts, q = parts[0], k = parts[1], v = parts[2];
  Fill(q, &rope, 0);
  Fill(k, &rope, 1);
  Fill(v, &rope, 2);
  ParallelFor(0, qkv.size(0), kPieceRows,
              [&](int64_t begin, int64_t end) { Simd().rope_unpack(rope, begin, end); });
  // ATen's kernel is called directly, because the backward pass needs its log-sum-exp.
  std::tie(attended.out, attended.logsumexp) = at::_scaled_dot_product_flash_attention_for_cpu(
      q, k, v, 0.0, /*is_causal=*/true);
  attended.y = attended.out.transpose(1, 2).reshape({qkv.size(0), shape.heads * rope.size});
  return attended;
}

at::Tensor AttentionBackward(const Attended& forward, const at::Tensor& cos, const at::Tensor& sin,
                             const AttentionShape& shape, const at::Tensor& dy) {
  const at::Tensor& parts = forward.parts;
  const int64_t size = parts.size(4);
  const at::Tensor dout = dy.view({shape.batch, shape.sequence, shape.heads, size}).transpose(1, 2);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      dout, parts[0], parts[1], parts[2], forward.out, forward.logsumexp, 0.0, /*is_causal=*/true);
  at::Tensor dqkv = at::empty({shape.batch * shape.sequence, 3 * shape.heads * size},
                              parts.options());
  RopeOperands rope = Rope(dqkv, cos, sin, shape);
  Fill(dq, &rope, 0);
  Fill(dk, &rope, 1);
  Fill(dv, &rope, 2);
  ParallelFor(0, dqkv.size(0), kPieceRows,
              [&](int64_t begin, int64_t end) { Simd().rope_pack(rope, begin, end); });
  return dqkv;
}

at::Tensor MapForward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add) {
  const LinearShape shape = ShapeOf(x, weight);
  at::Tensor y = at::empty({x.size(0), shape.out}, x.options());
  LinearForward(shape, Read(x), Read(weight), StrideOf(weight), Read(add), Data(y));
  return y;
}

at::Tensor MapInputGradient(const at::Tensor& dy, const at::Tensor& weight) {
  const LinearShape shape = ShapeOf(dy, weight);
  at::Tensor dx = at::empty({dy.size(0), shape.in}, dy.options());
  LinearInputGradient(shape, Read(dy), Read(weight), StrideOf(weight), Data(dx));
  return dx;
}

at::Tensor MapWeightGradient(const torch::autograd::AutogradContext& context, size_t input,
                             const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x) {
  if (!context.needs_input_grad(input)) return {};
  const LinearShape shape = ShapeOf(dy, weight);
  const bool in_place = weight.is_leaf() && weight.grad().defined();
  const at::Tensor gradient = in_place ? weight.grad()
                                       : at::zeros(weight.sizes(), weight.options());
  LinearWeightGradient(shape, Read(dy), Read(x), Data(gradient), StrideOf(gradient));
  return in_place ? at::Tensor() : gradient;
}

}  // namespace braid::trainer
