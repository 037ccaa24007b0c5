// Our own differentiable functions. On the CPU each is one pass with a backward by hand; elsewhere
// they are chains of ATen operators. All row reductions are cut at fixed places, so the bits do not
// depend on how threads share the work.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace braid::trainer {

// y = gain * x / sqrt(mean(x^2) + eps). x [rows, w], gain [w]; or x [P * rows, w], gain [P, w], a
// gain for each of P blocks of rows.  (docs/papers/papaformer.md#s1.4)
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps);

// a sigmoid(beta a) b for x = [a | b]. x [rows, 2f] -> [rows, f]. An undefined beta is 1
// (docs/papers/papaformer.md#s1.5, standard); else beta [f], or [P, f] for P blocks of rows
// (published).
at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& beta = {});

// Which numbers of a head vector of size s turn together (A3): (x_i, x_{i + s/2}) or (x_2i,
// x_{2i+1}).
enum class RopeLayout { kHalf, kInterleaved };

// x [..., sequence, s] turned by cos and sin [sequence, s / 2]; of ATen operators, for any device.
// (docs/papers/papaformer.md#s1.3)
at::Tensor Rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                  RopeLayout layout);

// Causal attention over packed q | k | v with rotary positions. qkv [batch * sequence, 3w], cos and
// sin [sequence, head / 2] -> [batch * sequence, w].  (docs/papers/papaformer.md#s1.2, #s1.3)
at::Tensor RopeAttention(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                         int64_t batch, int64_t sequence, int64_t heads,
                         RopeLayout layout = RopeLayout::kHalf);

// Head and cross-entropy in chunks; logits are never held whole. hidden [rows, w], head [V, w],
// labels int64 [rows], negative ones count for nothing; the loss of one that is not below V is NaN.
// Returns the sum of losses. If `hidden_gradient` is not null it receives scale * d loss / d
// hidden, and scale * d loss / d head is added to `head_gradient`. If `losses` is not null it
// receives the loss of each row, fp32 [rows] on the host.  (docs/papers/papaformer.md#s1.6)
double HeadLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                double scale, at::Tensor* hidden_gradient, at::Tensor* head_gradient,
                at::Tensor* losses = nullptr);

// The mean cross-entropy of rows of logits [rows, classes], labels int64 [rows]; for few classes
// and any device. Operators that torch has in deterministic mode everywhere: it counts its own loss
// of classes among those it does not have on GPUs.
at::Tensor ClassLoss(const at::Tensor& logits, const at::Tensor& labels);
// The same, of operators alone: what a GPU takes.
at::Tensor ClassLossOfOperators(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace braid::trainer
