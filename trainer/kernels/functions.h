// Differentiable functions that are faster than chains of ATen operators. On the CPU each is one
// pass with a backward pass written by hand; on other devices they are chains of ATen operators
// (the cross-entropy of the head has a CUDA kernel). All sums over rows are cut into pieces of
// fixed size, so the bits of the results do not depend on the number of threads. All tensors are
// fp32 and row-major unless noted; functions throw c10::Error as ATen does. A `precision` is that
// of the products with weights, forward and backward, and must be kFp32 on other devices.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "trainer/kernels/simd/precision.h"

namespace braid::trainer {

// y = gain * x / sqrt(mean(x^2) + eps), the mean over each row (docs/papers/papaformer.md#s1.4). x
// [rows, w] and gain [w]; or x [P * rows, w] and gain [P, w], with one gain for each of P blocks of
// rows, one block for each path of a layer.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps);

// a sigmoid(beta a) b for x = [a | b]: x [rows, 2f] -> [rows, f] (docs/papers/papaformer.md#s1.5).
// An undefined beta means 1, the standard form. Otherwise beta is [f], or [P, f] for P blocks of
// rows, the published form.
at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& beta = {});

// The sum of rows[k] [rows, w] times weights[k] [rows, 1], a number for each row; at least one
// term.
at::Tensor WeightedSum(const std::vector<at::Tensor>& rows, const std::vector<at::Tensor>& weights);

// Which dimensions of a head vector of size s are rotated as a pair (A3 of
// docs/papers/papaformer.md#s7): kHalf (x_i, x_{i + s/2}), kInterleaved (x_2i, x_{2i+1}).
enum class RopeLayout { kHalf, kInterleaved };

// x [..., sequence, s], rotated by the angles whose cosines and sines are cos and sin [sequence, s
// / 2] (docs/papers/papaformer.md#s1.3). Consists of ATen operators, for any device.
at::Tensor Rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                  RopeLayout layout);

// The heads of an attention, all of one size. With fewer heads of keys and values than of queries,
// neighbouring queries share one (grouped-query attention, arXiv 2305.13245).
struct HeadCounts {
  int64_t queries;
  int64_t keys;  // and values; divides `queries`

  // Query heads that share a head of keys and values.
  int64_t group() const { return queries / keys; }
  // Size of a head if q | k | v have so many columns together.
  int64_t SizeOf(int64_t columns) const { return columns / (queries + 2 * keys); }
};

// Causal attention with rotary positions over packed queries, keys and values
// (docs/papers/papaformer.md#s1.2, #s1.3): qkv [batch * sequence, w + 2 v] as q | k | v, where w
// and v are the widths of all heads of queries and of values; cos and sin [sequence, head size /
// 2]; result [batch * sequence, w], the heads side by side.
at::Tensor RopeAttention(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                         int64_t batch, int64_t sequence, const HeadCounts& heads,
                         RopeLayout layout = RopeLayout::kHalf);
// q, k and v of packed rows as above, [batch, heads of each, sequence, size]: views.
std::vector<at::Tensor> HeadsOf(const at::Tensor& qkv, int64_t batch, const HeadCounts& heads);
// Keys or values [batch, heads.keys, sequence, size] for every head of queries: each is repeated
// for those that share it. For operators of ATen that want as many.
at::Tensor RepeatForQueries(const at::Tensor& x, const HeadCounts& heads);

// x [rows, in] by weight [out, in] -> [rows, out]; or x [paths * rows, in] by [paths, out, in],
// path by path. The maps are contiguous, but those of several paths may lie apart. On a CPU the
// gradient of a weight that is a leaf and has a gradient is added there in place.
at::Tensor Linear(const at::Tensor& x, const at::Tensor& weight, Precision precision);
// Whether the functions for halves of blocks below should be used for these rows. With few rows,
// repacking the weight would cost more than the product, and the caller uses operators of ATen and
// Linear instead, which does so by itself. Always true for kBf16, which ATen would do otherwise.
bool OwnProductsPay(const at::Tensor& x, int64_t paths, Precision precision);

// Rows of weight [V, w] by ids int64 [rows]. The row `pad` gets no gradient. As in Linear, the
// gradient is added in place if the weight is a leaf that has one.
at::Tensor Embedding(const at::Tensor& weight, const at::Tensor& ids, int64_t pad);

// The tensors of a half of a block (docs/papers/papaformer.md#s1.1), or of equal halves of several
// paths stacked, as Linear and RmsNorm take them.
struct AttentionWeights {
  at::Tensor gain;  // [w]
  at::Tensor qkv;   // [w + 2 v, w], v as of RopeAttention
  at::Tensor o;     // [w, w]; may be undefined
  // [head size]: the gains of RMSNorms of rotated queries and keys, of one path alone; may be
  // undefined, both of them.
  at::Tensor q_norm{}, k_norm{};
};
// The tensors of a feed-forward half with its norm: hidden width f.
struct FeedForwardWeights {
  at::Tensor gain;     // [w]
  at::Tensor gate_up;  // [2f, w]
  at::Tensor beta;     // [f]; may be undefined
  at::Tensor down;     // [w, f]
};

// x + scale * (attention of RmsNorm(x)), with one number as `scale`, or 1 if undefined. x [paths *
// batch * sequence, w]; cos and sin as of RopeAttention. REQUIRES: OwnProductsPay.
at::Tensor AttentionHalf(const at::Tensor& x, const AttentionWeights& weights,
                         const at::Tensor& scale, const at::Tensor& cos, const at::Tensor& sin,
                         double eps, int64_t sequence, const HeadCounts& heads, RopeLayout layout,
                         Precision precision);
// x + scale * (feed-forward of RmsNorm(x)). REQUIRES: OwnProductsPay.
at::Tensor FeedForwardHalf(const at::Tensor& x, const FeedForwardWeights& weights,
                           const at::Tensor& scale, double eps, Precision precision);

// The cross-entropy of the head (docs/papers/papaformer.md#s1.6), in chunks, so that the logits of
// all rows are never in memory at once. hidden [rows, w], head [V, w], labels int64 [rows]. Rows
// with a negative label are ignored; a label of V or more gives NaN. Returns the sum of the losses
// in nats.
//
// If `hidden_gradient` is not null, it receives scale * d loss / d hidden, and scale * d loss / d
// head is added to `head_gradient`, which must not be null then. If `losses` is not null, it
// receives the loss of each row, fp32 [rows] on the host. Not recorded by autograd.
double HeadLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                double scale, Precision precision, at::Tensor* hidden_gradient,
                at::Tensor* head_gradient, at::Tensor* losses = nullptr);

// The mean cross-entropy of rows of logits [rows, classes] with labels int64 [rows], for few
// classes and any device. Made of operators that are deterministic everywhere: torch refuses its
// own loss of classes on GPUs in deterministic mode.
at::Tensor ClassLoss(const at::Tensor& logits, const at::Tensor& labels);
// The form that ClassLoss uses on a GPU, for tests on the CPU.
at::Tensor ClassLossOfOperators(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace braid::trainer
