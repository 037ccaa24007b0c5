// The global norm of a flat buffer of gradients, which clipping divides by.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace braid::trainer {

// Elements of a piece: their squares are added up first.
inline constexpr int64_t kNormPiece = 1 << 16;

// Of a flat fp32 tensor in host memory, cut into pieces of kNormPiece elements: the sums of the
// squares of pieces number `first` to `last` - 1. Those of the others are 0.
std::vector<double> SumsOfSquares(const at::Tensor& gradients, int64_t first, int64_t last);
// The norm by the sums of all pieces, as GradientNorm has it.
double NormOfSums(const std::vector<double>& sums);

// The Euclidean norm of a flat fp32 tensor. On a CPU the squares are added in fp64, in pieces whose
// bounds depend on the number of elements alone, so that it is right for any size and has the same
// bits with any number of threads. Not finite if an element is not, and infinite where the sum of
// squares is beyond fp32: AdamW keeps squares of gradients in fp32.
double GradientNorm(const at::Tensor& gradients);

}  // namespace braid::trainer
