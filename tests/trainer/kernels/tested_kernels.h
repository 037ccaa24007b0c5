// The kernels that tests run: those of the instruction sets of this machine, and those with sixteen
// lanes compiled without any, so that the blocks, tails and packing of AVX-512 are tested on every
// machine, and under the sanitizers.
#pragma once

#include <string_view>
#include <vector>

#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

extern const SimdKernels kLanes16Kernels;

inline std::vector<const SimdKernels*> TestedBf16Kernels() {
  std::vector<const SimdKernels*> tested = UsableSimdKernels();
  tested.push_back(&kLanes16Kernels);
  return tested;
}

// Without those that differ from others in products of bf16 alone.
inline std::vector<const SimdKernels*> TestedSimdKernels() {
  std::vector<const SimdKernels*> tested = TestedBf16Kernels();
  std::erase_if(tested, [](const SimdKernels* kernels) {
    return std::string_view(kernels->name) != kernels->fp32_name;
  });
  return tested;
}

}  // namespace braid::trainer
