// The kernels that tests run: those of the instruction sets of this machine, and those with sixteen
// lanes compiled without any, so that the blocks, tails and packing of AVX-512 are tested on every
// machine, and under the sanitizers.
#pragma once

#include <vector>

#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

extern const SimdKernels kLanes16Kernels;

inline std::vector<const SimdKernels*> TestedSimdKernels() {
  std::vector<const SimdKernels*> tested = UsableSimdKernels();
  tested.push_back(&kLanes16Kernels);
  return tested;
}

}  // namespace braid::trainer
