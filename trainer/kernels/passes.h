// Forward and backward passes of norm, gate and attention on the CPU, without autograd: what the
// differentiable functions are made of. Contiguous fp32 unless noted; `parts` of a gain or slope
// belong to equal blocks of rows (functions.h). A `precision` is that of the products with weights.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "trainer/kernels/functions.h"

namespace braid::trainer {

// Keeps the precision of a differentiable function for its backward pass.
inline void SavePrecision(torch::autograd::AutogradContext* context, Precision precision) {
  context->saved_data["bf16"] = precision == Precision::kBf16;
}
inline Precision SavedPrecision(torch::autograd::AutogradContext& context) {
  return context.saved_data["bf16"].toBool() ? Precision::kBf16 : Precision::kFp32;
}

// The result of a norm, and what its backward pass reads again.
struct Normed {
  at::Tensor y;        // like x
  at::Tensor inverse;  // [rows], for the backward pass
};
// RmsNorm of x [rows, w] with gain [parts * w].
Normed NormForward(const at::Tensor& x, const at::Tensor& gain, double eps);

// Gradients of a norm.
struct NormGradients {
  at::Tensor dx;     // and `add`, if that is defined
  at::Tensor dgain;  // [parts, w]
};
// The gradients of NormForward from the gradient dy of y. `add` is added to dx; it may be
// undefined.
NormGradients NormBackward(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& inverse,
                           const at::Tensor& dy, const at::Tensor& add);

// The norm, and a map of its result by `weight` (MapForward).
struct NormedMap {
  at::Tensor y;  // of the map
  Normed normed;
};
// y = RmsNorm(x) weight', row piece by row piece, so that the norm's result stays in the cache.
NormedMap NormMapForward(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& weight,
                         double eps, Precision precision);
// From the gradient of the map's result; `add` must be defined. That of the weight is
// MapWeightGradient's.
NormGradients NormMapBackward(const at::Tensor& x, const at::Tensor& gain, const Normed& normed,
                              const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& add,
                              Precision precision);

// The result of FeedForwardForward, and what its backward pass reads again.
struct FedForward {
  at::Tensor y;
  at::Tensor hidden;  // gate | up, [rows, 2f]
  at::Tensor f;       // what is scaled; undefined without scale
  Normed normed;
};
// FeedForwardHalf of x [parts * rows, w] (functions.h), with gains and slopes of all parts side by
// side.
FedForward FeedForwardForward(const at::Tensor& x, const FeedForwardWeights& weights,
                              const at::Tensor& scale, double eps, Precision precision);
// The y of FeedForwardForward, with the same bits, for passes without a backward pass: intermediate
// results are not kept, so they stay in the cache.
at::Tensor FeedForwardValue(const at::Tensor& x, const FeedForwardWeights& weights,
                            const at::Tensor& scale, double eps, Precision precision);

// Gradients of a feed-forward half.
struct FeedForwardGradients {
  NormGradients norm;
  at::Tensor dhidden, dbeta;
  at::Tensor gated;  // the value of the gate once more, if it was asked for
};
// Computes them from the gradients df of FedForward::f and dy of y. MapWeightGradient computes
// those of the weights. `value`: also returns the value of the gate.
FeedForwardGradients FeedForwardBackward(const at::Tensor& x, const FeedForwardWeights& weights,
                                         const FedForward& forward, const at::Tensor& df,
                                         const at::Tensor& dy, bool value, Precision precision);

// SwiGlu of x [rows, 2f] with slopes beta [parts * f], or 1 if undefined.
at::Tensor GateForward(const at::Tensor& x, const at::Tensor& beta);

// Gradients of a feed-forward gate.
struct GateGradients {
  at::Tensor dx;
  at::Tensor dbeta;  // [parts, f]; undefined without beta
  at::Tensor y;      // the value once more, if it was asked for
};
// The gradients of GateForward from the gradient dy of its result. `value`: also returns the
// result.
GateGradients GateBackward(const at::Tensor& x, const at::Tensor& beta, const at::Tensor& dy,
                           bool value);

// How the rows of an attention are arranged, and what is done to them.
struct AttentionShape {
  int64_t batch, sequence;
  HeadCounts heads;
  RopeLayout layout;
  at::Tensor cos, sin;        // [sequence, size / 2]
  at::Tensor q_gain, k_gain;  // [size]: of the norms of rotated queries and keys, or undefined
  double eps = 0;             // of these norms
};
// The result of an attention, and what its backward pass reads again.
struct Attended {
  at::Tensor y;     // [batch * sequence, w]
  at::Tensor sums;  // [2, batch, query heads, sequence], for the backward pass
};
// RopeAttention (functions.h) of qkv [batch * sequence, w + 2 v].
Attended AttentionForward(const at::Tensor& qkv, const AttentionShape& shape);

// Gradients of an attention.
struct AttentionGradients {
  at::Tensor dqkv;
  at::Tensor dq_gain, dk_gain;  // undefined without gains
};
// The gradients of AttentionForward from the gradient dy of its result.
AttentionGradients AttentionBackward(const at::Tensor& qkv, const Attended& forward,
                                     const AttentionShape& shape, const at::Tensor& dy);

// y = x weight' + add for x [paths * rows, in] and a weight [out, in] or [paths, out, in], whose
// maps are contiguous but may lie apart. `add` may be undefined.
at::Tensor MapForward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add,
                      Precision precision);
// dx = dy weight: the gradient of MapForward's x.
at::Tensor MapInputGradient(const at::Tensor& dy, const at::Tensor& weight, Precision precision);
// The gradient of input number `input` of a differentiable function, which is `weight`. If that is
// a leaf with a gradient, it is added there in place, and undefined is returned, which autograd
// takes for nothing to add. Undefined, too, if nobody needs it.
at::Tensor MapWeightGradient(const torch::autograd::AutogradContext& context, size_t input,
                             const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x,
                             Precision precision);

}  // namespace braid::trainer
