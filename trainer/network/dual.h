// The blocks of the dual-path paper: a deep path that loops one set of weights, a wide path that is
// applied once, and gates that weigh the two (docs/papers/dual_path.md#s1; interventions and
// read-outs, sections 6 and 7).
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/network/block.h"
#include "trainer/network/forward_context.h"

namespace braid::trainer {

// x [rows, w] -> [rows, w] of a wide, loop or dual_path block.
at::Tensor RunDual(const Block& block, const at::Tensor& x, ForwardContext& pass);

}  // namespace braid::trainer
