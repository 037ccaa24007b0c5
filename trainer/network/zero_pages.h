// Flat buffers in pages of their own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace braid::trainer {

// `count` fp32 zeros in host memory that begin with a page, in pages that take no memory before
// they are written to: a network that only evaluates never touches its gradients. Ranks of one host
// may put memory that they share in their place (trainer/collective/collective.h). Throws what
// LibTorch throws if there is too little memory.
at::Tensor ZeroPages(int64_t count);

}  // namespace braid::trainer
