// Forward and backward passes of norm, gate and attention on the CPU, without autograd: what the
// differentiable functions are made of. Contiguous fp32 unless noted; `parts` of a gain or slope
// belong to equal blocks of rows (functions.h).
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "trainer/kernels/functions.h"

namespace braid::trainer {

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
NormGradients NormBackward(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& inverse,
                           const at::Tensor& dy, const at::Tensor& add);

// SwiGlu of x [rows, 2f] with slopes beta [parts * f], or 1 if undefined.
at::Tensor GateForward(const at::Tensor& x, const at::Tensor& beta);

// Gradients of a feed-forward gate.
struct GateGradients {
  at::Tensor dx;
  at::Tensor dbeta;  // [parts, f]; undefined without beta
  at::Tensor y;      // the value once more, if it was asked for
};
GateGradients GateBackward(const at::Tensor& x, const at::Tensor& beta, const at::Tensor& dy,
                           bool value);

// How the rows of an attention are arranged.
struct AttentionShape {
  int64_t batch, sequence, heads;
  RopeLayout layout;
};
// The result of an attention, and what its backward pass reads again.
struct Attended {
  at::Tensor parts;      // q, k and v, rotated: [3, batch, heads, sequence, size]
  at::Tensor out;        // [batch, heads, sequence, size], with any strides
  at::Tensor logsumexp;  // for the backward pass
  at::Tensor y;          // `out` as [batch * sequence, w]
};
Attended AttentionForward(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                          const AttentionShape& shape);
// The gradient of qkv. `y` is not used.
at::Tensor AttentionBackward(const Attended& forward, const at::Tensor& cos, const at::Tensor& sin,
                             const AttentionShape& shape, const at::Tensor& dy);

// y = x weight' + add for x [paths * rows, in] and a weight [out, in] or [paths, out, in], whose
// maps are contiguous but may lie apart. `add` may be undefined.
at::Tensor MapForward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add);
at::Tensor MapInputGradient(const at::Tensor& dy, const at::Tensor& weight);
// The gradient of input number `input` of a differentiable function, which is `weight`. If that is
// a leaf with a gradient, it is added there in place, and undefined is returned, which autograd
// takes for nothing to add. Undefined, too, if nobody needs it.
at::Tensor MapWeightGradient(const torch::autograd::AutogradContext& context, size_t input,
                             const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x);

}  // namespace braid::trainer
