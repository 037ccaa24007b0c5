// Parts of a block for reading tokens: linear maps with what stands before and after them, on the
// CPU and without gradients. Weights are read as they are stored, once for all rows, because with
// few rows reading them is what takes the time. What a row gives depends on that row alone, to the
// bit, so it is the same alone and beside others, and with any number of threads. All tensors are
// fp32 and row-major; functions throw c10::Error as ATen does.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "trainer/kernels/functions.h"

namespace braid::trainer {

// The operations around the product of a map; undefined tensors are left out.
struct RowMap {
  at::Tensor gain{};   // [in] or [paths, in]: rows are normed first (RmsNorm)
  double eps = 0;      // of this norm
  at::Tensor add{};    // [paths * rows, out], is added to the result
  at::Tensor scale{};  // one number, by which the product is multiplied before that
};

// add + scale (N(x) W'): x [rows, in] by weight [out, in] -> [rows, out]; or x [paths * rows, in]
// by [paths, out, in], path by path. The maps are contiguous, but those of several paths may lie
// apart, and so may their gains.
at::Tensor MapRows(const at::Tensor& x, const at::Tensor& weight, const RowMap& map = {});

// SwiGlu(N(x) W') for the weight gate_up, [paths * rows, f]: what `down` maps back. weights.down is
// not looked at.
at::Tensor GateRows(const at::Tensor& x, const FeedForwardWeights& weights, double eps);

// Some rows of one sequence that are read together.
struct NewRows {
  int64_t sequence;
  int64_t begin;  // position of the first: so many were read before
  int64_t first;  // number of the first among all rows that are read
  int64_t count;
};

// Room for the keys and values of one attention, or of equal ones of several paths.
struct KeptKeys {
  int64_t paths, sequences;
  HeadCounts heads;
  int64_t size, capacity;
  at::Tensor keys, values;  // [paths, sequences, heads.keys, ...], packed for the kernel

  // Allocates room for `capacity` tokens of each sequence, with heads of `size` elements.
  static KeptKeys Make(int64_t paths, int64_t sequences, const HeadCounts& heads, int64_t size,
                       int64_t capacity);
};

// What is done to queries and keys. cos and sin are of all positions that are read.
struct CachedAttentionForm {
  RopeLayout layout;
  at::Tensor cos, sin;        // [positions, size / 2]
  at::Tensor q_gain, k_gain;  // [size]: of the norms of rotated queries and keys, or undefined
  double eps;                 // of these norms
};

// RopeAttention of new rows, which see the rows before them through the kept keys and values. Their
// own keys and values are kept, too. qkv [paths * rows, w + 2 v], the rows of each path being those
// of `read` -> [paths * rows, w]. REQUIRES: all of `read` have room.
at::Tensor CachedAttention(const at::Tensor& qkv, const std::vector<NewRows>& read,
                           const CachedAttentionForm& form, KeptKeys* kept);

}  // namespace braid::trainer
