// The two halves of a block as one function each, so that nothing is added, scaled or allocated
// between its parts but what they need.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>
#include <optional>
#include <vector>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/row_dot.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x + scale * f, where f [rows, w] is the half's result: `scale` is one number, or undefined for 1.
struct Residual {
  at::Tensor y;
  at::Tensor f;  // undefined without scale
};

Residual MapAndAdd(const at::Tensor& x, const at::Tensor& in, const at::Tensor& weight,
                   const at::Tensor& scale, Precision precision) {
  if (!scale.defined())
    return {weight.defined() ? MapForward(in, weight, x, precision) : x + in, at::Tensor()};
  const at::Tensor f = weight.defined() ? MapForward(in, weight, {}, precision) : in;
  return {at::addcmul(x, f, scale), f};
}

// The gradients of the half's result and of `scale` from that of y.
struct ResidualGradients {
  at::Tensor df;
  at::Tensor dscale;
};

ResidualGradients Scaled(const at::Tensor& dy, const at::Tensor& f, const at::Tensor& scale) {
  if (!scale.defined()) return {dy, at::Tensor()};
  ResidualGradients all{at::empty(dy.sizes(), dy.options()),
                        at::empty(scale.sizes(), scale.options())};
  const Pieces pieces{1, dy.size(0)};
  std::vector<double> sums(static_cast<size_t>(pieces.count()));
  const int64_t w = dy.size(1);
  const float *dout = Read(dy), *half = Read(f), factor = *Read(scale);
  float* df = Data(all.df);
  pieces.ForEach([&](int64_t piece, int64_t, int64_t first, int64_t count) {
    double sum = 0;
    for (int64_t row = first; row < first + count; ++row) {
      const float* from = dout + row * w;
      for (int64_t i = 0; i < w; ++i) df[row * w + i] = from[i] * factor;
      sum += RowDot(from, half + row * w, w);
    }
    sums[static_cast<size_t>(piece)] = sum;
  });
  // Pieces are added in their order, so that the threads change no bit.
  *Data(all.dscale) = static_cast<float>(std::accumulate(sums.begin(), sums.end(), 0.0));
  return all;
}

at::Tensor ReshapedLike(const at::Tensor& gradient, const at::Tensor& of) {
  return gradient.defined() && of.defined() ? gradient.view(of.sizes()) : at::Tensor();
}

at::Tensor Whole(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.contiguous() : at::Tensor();
}

// Autograd wants undefined arguments to be absent, and counts only the others: numbers of inputs
// below are right because the tensors that may be absent come last.
using Maybe = std::optional<at::Tensor>;
Maybe Given(const at::Tensor& tensor) {
  return tensor.defined() ? Maybe(tensor) : std::nullopt;
}

class AttentionHalfFunction : public torch::autograd::Function<AttentionHalfFunction> {
 public:
  enum Saved {
    kX,
    kGain,
    kQkv,
    kO,
    kScale,
    kQNorm,
    kKNorm,
    kCos,
    kSin,
    kInverse,
    kNormed,
    kProjected,
    kSums,
    kY,
    kF
  };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& qkv, const Maybe& given_o, const Maybe& given_scale,
                            const Maybe& given_q_norm, const Maybe& given_k_norm,
                            const at::Tensor& cos, const at::Tensor& sin, double eps,
                            int64_t sequence, int64_t queries, int64_t keys, bool interleaved,
                            Precision precision) {
    const at::Tensor o = given_o.value_or(at::Tensor()), scale = given_scale.value_or(at::Tensor()),
                     q_norm = given_q_norm.value_or(at::Tensor()),
                     k_norm = given_k_norm.value_or(at::Tensor());
    const AttentionShape shape{x.size(0) / sequence,
                               sequence,
                               {queries, keys},
                               LayoutOf(interleaved),
                               cos,
                               sin,
                               q_norm,
                               k_norm,
                               eps};
    const auto [projected, normed] = NormMapForward(x, Whole(gain), qkv, eps, precision);
    const Attended attended = AttentionForward(projected, shape);
    const Residual residual = MapAndAdd(x, attended.y, o, scale, precision);
    context->save_for_backward({x, gain, qkv, o, scale, q_norm, k_norm, cos, sin, normed.inverse,
                                normed.y, projected, attended.sums, attended.y, residual.f});
    context->saved_data["keys"] = keys;
    context->saved_data["interleaved"] = interleaved;
    context->saved_data["eps"] = eps;
    SavePrecision(context, precision);
    return residual.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list s = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const auto [df, dscale] = Scaled(dy, s[kF], s[kScale]);
    const Precision precision = SavedPrecision(*context);
    at::Tensor dmixed = df, dout;
    if (s[kO].defined()) {
      dmixed = MapInputGradient(df, s[kO], precision);
      dout = MapWeightGradient(*context, 3, s[kO], df, s[kY], precision);
    }
    const AttentionShape shape{s[kSums].size(1),
                               s[kSums].size(3),
                               {s[kSums].size(2), context->saved_data["keys"].toInt()},
                               LayoutOf(context->saved_data["interleaved"].toBool()),
                               s[kCos],
                               s[kSin],
                               s[kQNorm],
                               s[kKNorm],
                               context->saved_data["eps"].toDouble()};
    const AttentionGradients attention = AttentionBackward(s[kProjected], {s[kY], s[kSums]}, shape,
                                                           dmixed);
    const at::Tensor dweight = MapWeightGradient(*context, 2, s[kQkv], attention.dqkv, s[kNormed],
                                                 precision);
    const auto [dx, dgain] = NormMapBackward(s[kX], Whole(s[kGain]), {s[kNormed], s[kInverse]},
                                             s[kQkv], attention.dqkv, dy, precision);
    variable_list all(15);
    all[0] = dx;
    all[1] = ReshapedLike(dgain, s[kGain]);
    all[2] = dweight;
    all[3] = dout;
    all[4] = dscale;
    all[5] = attention.dq_gain;
    all[6] = attention.dk_gain;
    return all;
  }

 private:
  static RopeLayout LayoutOf(bool interleaved) {
    return interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalf;
  }
};

class FeedForwardHalfFunction : public torch::autograd::Function<FeedForwardHalfFunction> {
 public:
  enum Saved { kX, kGain, kGateUp, kBeta, kDown, kScale, kInverse, kNormed, kHidden, kF };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& gate_up, const at::Tensor& down,
                            const Maybe& given_beta, const Maybe& given_scale, double eps,
                            Precision precision) {
    const at::Tensor beta = given_beta.value_or(at::Tensor()),
                     scale = given_scale.value_or(at::Tensor());
    const FedForward fed = FeedForwardForward(x, {Whole(gain), gate_up, Whole(beta), down}, scale,
                                              eps, precision);
    SavePrecision(context, precision);
    context->save_for_backward(
        {x, gain, gate_up, beta, down, scale, fed.normed.inverse, fed.normed.y, fed.hidden, fed.f});
    return fed.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list s = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const auto [df, dscale] = Scaled(dy, s[kF], s[kScale]);
    const Precision precision = SavedPrecision(*context);
    const FeedForwardGradients fed = FeedForwardBackward(
        s[kX], {Whole(s[kGain]), s[kGateUp], Whole(s[kBeta]), s[kDown]},
        {{}, s[kHidden], {}, {s[kNormed], s[kInverse]}}, df, dy,
        /*value=*/context->needs_input_grad(3), precision);
    variable_list all(8);
    all[3] = MapWeightGradient(*context, 3, s[kDown], df, fed.gated, precision);
    all[2] = MapWeightGradient(*context, 2, s[kGateUp], fed.dhidden, s[kNormed], precision);
    all[0] = fed.norm.dx;
    all[1] = ReshapedLike(fed.norm.dgain, s[kGain]);
    all[4] = ReshapedLike(fed.dbeta, s[kBeta]);
    all[5] = dscale;
    return all;
  }
};

}  // namespace

at::Tensor AttentionHalf(const at::Tensor& x, const AttentionWeights& weights,
                         const at::Tensor& scale, const at::Tensor& cos, const at::Tensor& sin,
                         double eps, int64_t sequence, const HeadCounts& heads, RopeLayout layout,
                         Precision precision) {
  return AttentionHalfFunction::apply(x.contiguous(), weights.gain, weights.qkv, Given(weights.o),
                                      Given(scale), Given(weights.q_norm), Given(weights.k_norm),
                                      cos, sin, eps, sequence, heads.queries, heads.keys,
                                      layout == RopeLayout::kInterleaved, precision);
}

at::Tensor FeedForwardHalf(const at::Tensor& x, const FeedForwardWeights& weights,
                           const at::Tensor& scale, double eps, Precision precision) {
  if (!at::GradMode::is_enabled()) {
    return FeedForwardValue(
        x.contiguous(), {Whole(weights.gain), weights.gate_up, Whole(weights.beta), weights.down},
        scale, eps, precision);
  }
  return FeedForwardHalfFunction::apply(x.contiguous(), weights.gain, weights.gate_up, weights.down,
                                        Given(weights.beta), Given(scale), eps, precision);
}

}  // namespace braid::trainer
