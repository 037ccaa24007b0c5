// Sums over what pieces of rows have given, for the passes of the CPU.
#pragma once

#include <ATen/core/Tensor.h>

namespace braid::trainer {

// The sums [parts, w] of `pieces` [parts, pieces, w], contiguous fp32 on the CPU, in the order of
// the pieces and in fp64: the same bits with any number of threads. ATen's sums are not: it takes
// the columns that a thread is given in groups of four vectors, and those that are left over in
// another order; a sum of 32768 or more to one number it cuts among the threads.
at::Tensor SumOfPieces(const at::Tensor& pieces);

}  // namespace braid::trainer
