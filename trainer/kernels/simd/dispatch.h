// The choice of the instruction set at run time.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/kernels/simd/precision.h"
#include "trainer/kernels/simd/simd.h"

namespace braid::trainer {

// The environment variable that names an instruction set to use instead of the default.
constexpr char kIsaVariable[] = "BRAID_ISA";

// All that were compiled and that this processor can run, the widest last.
std::vector<const SimdKernels*> UsableSimdKernels();

// The kernels that the environment variable kIsaVariable names, read once; otherwise the widest.
// A name that is unknown or cannot run here counts as unset: CheckIsa says so.
const SimdKernels& Simd();

// The products of Simd() in this precision.
inline const Products& ProductsIn(Precision precision) {
  return precision == Precision::kBf16 ? Simd().bf16 : Simd().fp32;
}

// kInvalidArgument if kIsaVariable is set to something that is not in UsableSimdKernels().
Status CheckIsa();

// For tests: Simd() gives `kernels` until the end of the scope. Not thread-safe.
class ScopedSimd {
 public:
  // `kernels` must be one of UsableSimdKernels().
  explicit ScopedSimd(const SimdKernels& kernels);
  ~ScopedSimd();
  ScopedSimd(const ScopedSimd&) = delete;
  ScopedSimd& operator=(const ScopedSimd&) = delete;

 private:
  const SimdKernels* before_;
};

// Columns rounded up to whole panels.
inline int64_t Padded(int64_t columns) {
  const int64_t panel = Simd().panel;
  return (columns + panel - 1) / panel * panel;
}

}  // namespace braid::trainer
