// The two halves of a block as one function each, so that nothing is added, scaled or allocated
// between its parts but what they need.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/passes.h"

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
                   const at::Tensor& scale) {
  if (!scale.defined())
    return {weight.defined() ? MapForward(in, weight, x) : x + in, at::Tensor()};
  const at::Tensor f = weight.defined() ? MapForward(in, weight, {}) : in;
  return {at::addcmul(x, f, scale), f};
}

// The gradients of the half's result and of `scale` from that of y.
struct ResidualGradients {
  at::Tensor df;
  at::Tensor dscale;
};

ResidualGradients Scaled(const at::Tensor& dy, const at::Tensor& f, const at::Tensor& scale) {
  if (!scale.defined()) return {dy, at::Tensor()};
  return {dy * scale, (dy * f).sum().view(scale.sizes())};
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
    kCos,
    kSin,
    kInverse,
    kNormed,
    kParts,
    kOut,
    kLse,
    kY,
    kF
  };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& qkv, const Maybe& given_o, const Maybe& given_scale,
                            const at::Tensor& cos, const at::Tensor& sin, double eps,
                            int64_t sequence, int64_t heads, bool interleaved) {
    const at::Tensor o = given_o.value_or(at::Tensor()), scale = given_scale.value_or(at::Tensor());
    const AttentionShape shape{x.size(0) / sequence, sequence, heads,
                               interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalf};
    const Normed normed = NormForward(x, Whole(gain), eps);
    const Attended attended = AttentionForward(MapForward(normed.y, qkv, {}), cos, sin, shape);
    const Residual residual = MapAndAdd(x, attended.y, o, scale);
    context->save_for_backward({x, gain, qkv, o, scale, cos, sin, normed.inverse, normed.y,
                                attended.parts, attended.out, attended.logsumexp, attended.y,
                                residual.f});
    context->saved_data["interleaved"] = interleaved;
    return residual.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list s = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const auto [df, dscale] = Scaled(dy, s[kF], s[kScale]);
    at::Tensor dmixed = df, dout;
    if (s[kO].defined()) {
      dmixed = MapInputGradient(df, s[kO]);
      dout = MapWeightGradient(*context, 3, s[kO], df, s[kY]);
    }
    const AttentionShape shape{
        s[kParts].size(1), s[kParts].size(3), s[kParts].size(2),
        context->saved_data["interleaved"].toBool() ? RopeLayout::kInterleaved : RopeLayout::kHalf};
    const at::Tensor dqkv = AttentionBackward({s[kParts], s[kOut], s[kLse], {}}, s[kCos], s[kSin],
                                              shape, dmixed);
    const at::Tensor dweight = MapWeightGradient(*context, 2, s[kQkv], dqkv, s[kNormed]);
    const auto [dx, dgain] = NormBackward(s[kX], Whole(s[kGain]), s[kInverse],
                                          MapInputGradient(dqkv, s[kQkv]), dy);
    variable_list all(11);
    all[0] = dx;
    all[1] = ReshapedLike(dgain, s[kGain]);
    all[2] = dweight;
    all[3] = dout;
    all[4] = dscale;
    return all;
  }
};

class FeedForwardHalfFunction : public torch::autograd::Function<FeedForwardHalfFunction> {
 public:
  enum Saved { kX, kGain, kGateUp, kBeta, kDown, kScale, kInverse, kNormed, kHidden, kF };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& gate_up, const at::Tensor& down,
                            const Maybe& given_beta, const Maybe& given_scale, double eps) {
    const at::Tensor beta = given_beta.value_or(at::Tensor()),
                     scale = given_scale.value_or(at::Tensor());
    const Normed normed = NormForward(x, Whole(gain), eps);
    const at::Tensor hidden = MapForward(normed.y, gate_up, {});
    const Residual residual = MapAndAdd(x, GateForward(hidden, Whole(beta)), down, scale);
    context->save_for_backward(
        {x, gain, gate_up, beta, down, scale, normed.inverse, normed.y, hidden, residual.f});
    return residual.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list s = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const auto [df, dscale] = Scaled(dy, s[kF], s[kScale]);
    const GateGradients gate = GateBackward(s[kHidden], Whole(s[kBeta]),
                                            MapInputGradient(df, s[kDown]),
                                            /*value=*/context->needs_input_grad(3));
    variable_list all(7);
    all[3] = MapWeightGradient(*context, 3, s[kDown], df, gate.y);
    all[2] = MapWeightGradient(*context, 2, s[kGateUp], gate.dx, s[kNormed]);
    const auto [dx, dgain] = NormBackward(s[kX], Whole(s[kGain]), s[kInverse],
                                          MapInputGradient(gate.dx, s[kGateUp]), dy);
    all[0] = dx;
    all[1] = ReshapedLike(dgain, s[kGain]);
    all[4] = ReshapedLike(gate.dbeta, s[kBeta]);
    all[5] = dscale;
    return all;
  }
};

}  // namespace

at::Tensor AttentionHalf(const at::Tensor& x, const AttentionWeights& weights,
                         const at::Tensor& scale, const at::Tensor& cos, const at::Tensor& sin,
                         double eps, int64_t sequence, int64_t heads, RopeLayout layout) {
  return AttentionHalfFunction::apply(x.contiguous(), weights.gain, weights.qkv, Given(weights.o),
                                      Given(scale), cos, sin, eps, sequence, heads,
                                      layout == RopeLayout::kInterleaved);
}

at::Tensor FeedForwardHalf(const at::Tensor& x, const FeedForwardWeights& weights,
                           const at::Tensor& scale, double eps) {
  return FeedForwardHalfFunction::apply(x.contiguous(), weights.gain, weights.gate_up, weights.down,
                                        Given(weights.beta), Given(scale), eps);
}

}  // namespace braid::trainer
