// The read-outs of a dual-path block, computed while it runs (docs/papers/dual_path.md#s6).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "trainer/network/blocks/paths.h"

namespace braid::trainer {

// How a token weighs the two paths, [rows, 1] each.
struct Gates {
  at::Tensor deep, wide;
};

// The parts of a block in one pass; null or undefined: it has no such part.
struct BlockParts {
  const std::string& place;
  const at::Tensor& x;  // the block's input [rows, w]
  const DeepPath* deep_path = nullptr;
  const Steps* steps = nullptr;
  const WidePath* wide_path = nullptr;
  at::Tensor wide = {};  // h_wide [rows, w]
  const Gates* gates = nullptr;
};

// Adds a BlockReadout to the pass. REQUIRES: pass.readouts is not null.
void ReadOut(const BlockParts& parts, ForwardContext& pass);

}  // namespace braid::trainer
