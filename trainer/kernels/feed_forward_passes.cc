// The feed-forward half of a block, piece by piece of its rows: what one step of it gives is still
// in the cache of the core that takes the next one.
#include <ATen/ATen.h>

#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

FedForward FeedForwardForward(const at::Tensor& x, const FeedForwardWeights& weights,
                              const at::Tensor& scale, double eps) {
  const LinearShape up = ShapeOf(x.size(0), weights.gate_up),
                    down = ShapeOf(x.size(0), weights.down);
  const int64_t w = up.in, f = down.in;
  const auto rows = [&](int64_t columns) { return at::empty({x.size(0), columns}, x.options()); };
  FedForward all{rows(w), rows(2 * f), {}, {rows(w), at::empty({x.size(0)}, x.options())}};
  if (scale.defined()) all.f = rows(w);
  const NormRows norm{Read(x), Read(weights.gain), Data(all.normed.inverse), w};
  float *y = Data(all.y), *hidden = Data(all.hidden), *fed = Data(all.f),
        *normed = Data(all.normed.y);
  const float *in = Read(x), *beta = Read(weights.beta);
  const float factor = scale.defined() ? *Read(scale) : 1.0f;
  const PackedMaps first_map = PackForward(up, Read(weights.gate_up), StrideOf(weights.gate_up),
                                           Scratch::kPanels);
  const PackedMaps second_map = PackForward(down, Read(weights.down), StrideOf(weights.down),
                                            Scratch::kMorePanels);
  Pieces{up.paths, up.rows}.ForEach([&](int64_t, int64_t part, int64_t first, int64_t count) {
    RmsNormOperands o = norm.From(part, first, count);
    o.eps = static_cast<float>(eps);
    o.y = normed + first * w;
    Simd().rms_norm(o);
    MultiplyRows(first_map, part, count, o.y, nullptr, hidden + first * 2 * f);
    SwiGluOperands gate{};
    gate.x = hidden + first * 2 * f;
    gate.beta = At(beta, part * f);
    gate.rows = count;
    gate.f = f;
    gate.y = ScratchFloats(Scratch::kRows, kPieceRows * f);
    Simd().swiglu(gate);
    const float* rest = in + first * w;
    float* out = y + first * w;
    if (fed == nullptr) return MultiplyRows(second_map, part, count, gate.y, rest, out);
    MultiplyRows(second_map, part, count, gate.y, nullptr, fed + first * w);
    for (int64_t i = 0; i < count * w; ++i) out[i] = rest[i] + factor * fed[first * w + i];
  });
  return all;
}

FeedForwardGradients FeedForwardBackward(const at::Tensor& x, const FeedForwardWeights& weights,
                                         const FedForward& forward, const at::Tensor& df,
                                         const at::Tensor& dy, bool value) {
  const LinearShape up = ShapeOf(x.size(0), weights.gate_up),
                    down = ShapeOf(x.size(0), weights.down);
  const int64_t w = up.in, f = down.in;
  const Pieces pieces{up.paths, up.rows};
  const auto rows = [&](int64_t columns) { return at::empty({x.size(0), columns}, x.options()); };
  FeedForwardGradients gradients{{rows(w), {}}, rows(2 * f), {}, {}};
  if (value) gradients.gated = rows(f);
  at::Tensor gains = at::zeros({up.paths, pieces.each(), w}, x.options()), slopes;
  if (weights.beta.defined()) slopes = at::zeros({up.paths, pieces.each(), f}, x.options());
  const NormRows norm{Read(x), Read(weights.gain), Data(forward.normed.inverse), w};
  const float *in = Read(forward.hidden), *beta = Read(weights.beta), *dfed = Read(df),
              *dout = Read(dy);
  float *dx = Data(gradients.norm.dx), *dhidden = Data(gradients.dhidden),
        *gated = Data(gradients.gated), *dgain = Data(gains), *dbeta = Data(slopes);
  const PackedMaps last_map = PackInputGradient(down, Read(weights.down), StrideOf(weights.down),
                                                Scratch::kMorePanels);
  const PackedMaps first_map = PackInputGradient(up, Read(weights.gate_up),
                                                 StrideOf(weights.gate_up), Scratch::kPanels);
  pieces.ForEach([&](int64_t piece, int64_t part, int64_t first, int64_t count) {
    float *dgated = ScratchFloats(Scratch::kRows, kPieceRows * f),
          *dnormed = ScratchFloats(Scratch::kMoreRows, kPieceRows * w);
    MultiplyRows(last_map, part, count, dfed + first * w, nullptr, dgated);
    SwiGluOperands gate{};
    gate.x = in + first * 2 * f;
    gate.beta = At(beta, part * f);
    gate.rows = count;
    gate.f = f;
    gate.y = At(gated, first * f);
    gate.dy = dgated;
    gate.dx = dhidden + first * 2 * f;
    gate.dbeta = At(dbeta, piece * f);
    Simd().swiglu_backward(gate);
    MultiplyRows(first_map, part, count, gate.dx, nullptr, dnormed);
    RmsNormOperands o = norm.From(part, first, count);
    o.dy = dnormed;
    o.add = dout + first * w;
    o.dx = dx + first * w;
    o.dgain = dgain + piece * w;
    Simd().rms_norm_backward(o);
  });
  gradients.norm.dgain = gains.sum(1);
  if (slopes.defined()) gradients.dbeta = slopes.sum(1);
  return gradients;
}

}  // namespace braid::trainer
