// The feed-forward half of a block, piece by piece of its rows: what one step of it gives is still
// in the cache of the core that takes the next one.
#include <ATen/ATen.h>

#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

namespace {

// Where the rows of a piece keep what is between x and y.
struct FedRows {
  float *normed, *inverse;  // [rows, w], [rows]
  float* hidden;            // [rows, 2f]
  float* gated;             // [rows, f]
  float* fed;               // [rows, w]; null without scale
};

// The forward pass of a feed-forward half.
class FeedForwardPass {
 public:
  FeedForwardPass(const at::Tensor& x, const FeedForwardWeights& weights, const at::Tensor& scale,
                  double eps, Precision precision)
      : up_(ShapeOf(x.size(0), weights.gate_up, precision)),
        norm_{Read(x), Read(weights.gain), nullptr, up_.in},
        beta_(Read(weights.beta)),
        eps_(static_cast<float>(eps)),
        factor_(scale.defined() ? *Read(scale) : 1.0f),
        first_(
            PackForward(up_, Read(weights.gate_up), StrideOf(weights.gate_up), Scratch::kPanels)),
        second_(PackForward(ShapeOf(x.size(0), weights.down, precision), Read(weights.down),
                            StrideOf(weights.down), Scratch::kMorePanels)) {}

  // Writes y [rows, w]. `rows_of(first, count)` gives the FedRows of a piece, on the thread that
  // takes it.
  template <typename RowsOf>
  void Run(float* y, RowsOf rows_of) const {
    Pieces{up_.paths, up_.rows}.ForEach([&](int64_t, int64_t part, int64_t first, int64_t count) {
      Piece(part, first, count, rows_of(first, count), y + first * norm_.w);
    });
  }

 private:
  void Piece(int64_t part, int64_t first, int64_t count, const FedRows& rows, float* out) const {
    const int64_t w = norm_.w, f = up_.out / 2;
    RmsNormOperands o = norm_.From(part, first, count);
    o.eps = eps_;
    o.inverse = rows.inverse;
    o.y = rows.normed;
    Simd().rms_norm(o);
    MultiplyRows(first_, part, count, rows.normed, nullptr, rows.hidden);
    SwiGluOperands gate{};
    gate.x = rows.hidden;
    gate.beta = At(beta_, part * f);
    gate.rows = count;
    gate.f = f;
    gate.y = rows.gated;
    Simd().swiglu(gate);
    const float* rest = norm_.x + first * w;
    if (rows.fed == nullptr) return MultiplyRows(second_, part, count, gate.y, rest, out);
    MultiplyRows(second_, part, count, gate.y, nullptr, rows.fed);
    for (int64_t i = 0; i < count * w; ++i) out[i] = rest[i] + factor_ * rows.fed[i];
  }

  const LinearShape up_;
  const NormRows norm_;
  const float* const beta_;
  const float eps_, factor_;
  const PackedMaps first_, second_;
};

}  // namespace

FedForward FeedForwardForward(const at::Tensor& x, const FeedForwardWeights& weights,
                              const at::Tensor& scale, double eps, Precision precision) {
  const int64_t w = x.size(1), f = weights.down.size(-1);
  const auto rows = [&](int64_t columns) { return at::empty({x.size(0), columns}, x.options()); };
  FedForward all{rows(w), rows(2 * f), {}, {rows(w), at::empty({x.size(0)}, x.options())}};
  if (scale.defined()) all.f = rows(w);
  float *hidden = Data(all.hidden), *fed = Data(all.f), *normed = Data(all.normed.y),
        *inverse = Data(all.normed.inverse);
  FeedForwardPass(x, weights, scale, eps, precision).Run(Data(all.y), [&](int64_t first, int64_t) {
    return FedRows{normed + first * w, inverse + first, hidden + first * 2 * f,
                   ScratchFloats(Scratch::kRows, kPieceRows * f), At(fed, first * w)};
  });
  return all;
}

at::Tensor FeedForwardValue(const at::Tensor& x, const FeedForwardWeights& weights,
                            const at::Tensor& scale, double eps, Precision precision) {
  const int64_t w = x.size(1), f = weights.down.size(-1);
  at::Tensor y = at::empty(x.sizes(), x.options());
  FeedForwardPass(x, weights, scale, eps, precision).Run(Data(y), [&](int64_t, int64_t count) {
    float *normed = ScratchFloats(Scratch::kMoreRows, kPieceRows * (w + 1)),
          *hidden = ScratchFloats(Scratch::kRows, kPieceRows * 3 * f);
    // The normed rows have been read when the fed ones are written.
    return FedRows{normed, normed + kPieceRows * w, hidden, hidden + count * 2 * f,
                   scale.defined() ? normed : nullptr};
  });
  return y;
}

FeedForwardGradients FeedForwardBackward(const at::Tensor& x, const FeedForwardWeights& weights,
                                         const FedForward& forward, const at::Tensor& df,
                                         const at::Tensor& dy, bool value, Precision precision) {
  const LinearShape up = ShapeOf(x.size(0), weights.gate_up, precision),
                    down = ShapeOf(x.size(0), weights.down, precision);
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
