#include "trainer/kernels/passes.h"

#include <ATen/ATen.h>

#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

Normed NormForward(const at::Tensor& x, const at::Tensor& gain, double eps) {
  const int64_t w = x.size(1), parts = gain.numel() / w;
  Normed normed{at::empty(x.sizes(), x.options()), at::empty({x.size(0)}, x.options())};
  const NormRows norm{Read(x), Read(gain), Data(normed.inverse), w};
  float* y = Data(normed.y);
  Pieces{parts, x.size(0) / parts}.ForEach(
      [&](int64_t, int64_t part, int64_t first, int64_t count) {
        RmsNormOperands o = norm.From(part, first, count);
        o.eps = static_cast<float>(eps);
        o.y = y + first * w;
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
  const NormRows norm{Read(x), Read(gain), Data(inverse), w};
  const float *dout = Read(dy), *more = Read(add);
  float *out = Data(dx), *dgain = Data(sums);
  pieces.ForEach([&](int64_t piece, int64_t part, int64_t first, int64_t count) {
    RmsNormOperands o = norm.From(part, first, count);
    o.dy = dout + first * w;
    o.add = At(more, first * w);
    o.dx = out + first * w;
    o.dgain = dgain + piece * w;
    Simd().rms_norm_backward(o);
  });
  return {dx, sums.sum(1)};
}

NormedMap NormMapForward(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& weight,
                         double eps, Precision precision) {
  const LinearShape shape = ShapeOf(x.size(0), weight, precision);
  const int64_t w = shape.in;
  NormedMap all{at::empty({x.size(0), shape.out}, x.options()),
                {at::empty(x.sizes(), x.options()), at::empty({x.size(0)}, x.options())}};
  const NormRows norm{Read(x), Read(gain), Data(all.normed.inverse), w};
  float *y = Data(all.normed.y), *out = Data(all.y);
  const PackedMaps maps = PackForward(shape, Read(weight), StrideOf(weight), Scratch::kPanels);
  Pieces{shape.paths, shape.rows}.ForEach([&](int64_t, int64_t part, int64_t first, int64_t count) {
    RmsNormOperands o = norm.From(part, first, count);
    o.eps = static_cast<float>(eps);
    o.y = y + first * w;
    Simd().rms_norm(o);
    MultiplyRows(maps, part, count, o.y, nullptr, out + first * shape.out);
  });
  return all;
}

NormGradients NormMapBackward(const at::Tensor& x, const at::Tensor& gain, const Normed& normed,
                              const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& add,
                              Precision precision) {
  const LinearShape shape = ShapeOf(x.size(0), weight, precision);
  const int64_t w = shape.in;
  const Pieces pieces{shape.paths, shape.rows};
  at::Tensor dx = at::empty(x.sizes(), x.options());
  at::Tensor sums = at::zeros({shape.paths, pieces.each(), w}, x.options());
  const NormRows norm{Read(x), Read(gain), Data(normed.inverse), w};
  const float *dout = Read(dy), *more = Read(add);
  float *out = Data(dx), *dgain = Data(sums);
  const PackedMaps maps = PackInputGradient(shape, Read(weight), StrideOf(weight),
                                            Scratch::kPanels);
  pieces.ForEach([&](int64_t piece, int64_t part, int64_t first, int64_t count) {
    float* dnormed = ScratchFloats(Scratch::kRows, kPieceRows * w);
    MultiplyRows(maps, part, count, dout + first * shape.out, nullptr, dnormed);
    RmsNormOperands o = norm.From(part, first, count);
    o.dy = dnormed;
    o.add = more + first * w;
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

at::Tensor MapForward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add,
                      Precision precision) {
  const LinearShape shape = ShapeOf(x.size(0), weight, precision);
  at::Tensor y = at::empty({x.size(0), shape.out}, x.options());
  LinearForward(shape, Read(x), Read(weight), StrideOf(weight), Read(add), Data(y));
  return y;
}

at::Tensor MapInputGradient(const at::Tensor& dy, const at::Tensor& weight, Precision precision) {
  const LinearShape shape = ShapeOf(dy.size(0), weight, precision);
  at::Tensor dx = at::empty({dy.size(0), shape.in}, dy.options());
  LinearInputGradient(shape, Read(dy), Read(weight), StrideOf(weight), Data(dx));
  return dx;
}

at::Tensor MapWeightGradient(const torch::autograd::AutogradContext& context, size_t input,
                             const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x,
                             Precision precision) {
  if (!context.needs_input_grad(input)) return {};
  const LinearShape shape = ShapeOf(dy.size(0), weight, precision);
  const bool in_place = weight.is_leaf() && weight.grad().defined();
  const at::Tensor gradient = in_place ? weight.grad()
                                       : at::zeros(weight.sizes(), weight.options());
  LinearWeightGradient(shape, Read(dy), Read(x), Data(gradient), StrideOf(gradient));
  return in_place ? at::Tensor() : gradient;
}

}  // namespace braid::trainer
