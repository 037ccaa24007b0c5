// The attention of a block over sequences that share beginnings, on the CPU and without gradients.
// A row stands for a token of all sequences that begin with it, so it is computed once. All tensors
// are fp32 and row-major; functions throw c10::Error as ATen does.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/row_maps.h"

namespace braid::trainer {

// Rows that follow one another in a sequence and in memory.
struct PrefixRun {
  std::vector<int64_t> before;  // the rows of the sequence before them, the first token's first
  int64_t first;
  int64_t count;
};

// RopeAttention for rows of runs: each sees the rows before its run, those of its run up to itself,
// and no others. qkv [paths * rows, w + 2 v], each path's rows being those of `runs`, which are
// all rows -> [paths * rows, w]. form.cos and form.sin are of all positions.
at::Tensor PrefixAttention(const at::Tensor& qkv, const std::vector<PrefixRun>& runs, int64_t paths,
                           const HeadCounts& heads, const CachedAttentionForm& form);

// AttentionHalf of the same rows: x [paths * rows, w] and the weights of `paths` equal halves.
at::Tensor PrefixAttentionHalf(const at::Tensor& x, const AttentionWeights& weights,
                               const at::Tensor& scale, const std::vector<PrefixRun>& runs,
                               int64_t paths, const HeadCounts& heads,
                               const CachedAttentionForm& form);

}  // namespace braid::trainer
