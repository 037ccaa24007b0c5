// The global norm of a flat buffer of gradients, which clipping divides by.
#pragma once

#include <ATen/core/Tensor.h>

namespace braid::trainer {

// The Euclidean norm of a flat fp32 tensor. On a CPU the squares are added in fp64, in pieces whose
// bounds depend on the number of elements alone, so that it is right for any size and has the same
// bits with any number of threads. Not finite if an element is not, and infinite where the sum of
// squares is beyond fp32: AdamW keeps squares of gradients in fp32.
double GradientNorm(const at::Tensor& gradients);

}  // namespace braid::trainer
