#include "trainer/kernels/simd/dispatch.h"

#include <cstdlib>

namespace braid::trainer {

extern const SimdKernels kGenericKernels;
#ifdef BRAID_SIMD_X86
extern const SimdKernels kAvx2Kernels, kAvx512Kernels;
extern const Products kAvx512Bf16Products;
#endif

namespace {

const SimdKernels* g_scoped = nullptr;

#ifdef BRAID_SIMD_X86
// AVX-512 with its instruction for products of bf16; all else is the same.
const SimdKernels& Avx512Bf16Kernels() {
  static const SimdKernels kernels = [] {
    SimdKernels all = kAvx512Kernels;
    all.name = "avx512_bf16";
    all.bf16 = kAvx512Bf16Products;
    all.multiplies_bf16 = true;
    return all;
  }();
  return kernels;
}
#endif

const SimdKernels* Wanted() {
  const char* name = std::getenv(kIsaVariable);
  const auto usable = UsableSimdKernels();
  for (const SimdKernels* kernels : usable)
    if (name != nullptr && std::string(name) == kernels->name) return kernels;
  return usable.back();
}

}  // namespace

std::vector<const SimdKernels*> UsableSimdKernels() {
  std::vector<const SimdKernels*> usable{&kGenericKernels};
#ifdef BRAID_SIMD_X86
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return usable;
  usable.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    usable.push_back(&kAvx512Kernels);
    if (__builtin_cpu_supports("avx512bf16")) usable.push_back(&Avx512Bf16Kernels());
  }
#endif
  return usable;
}

const SimdKernels& Simd() {
  static const SimdKernels& kChosen = *Wanted();
  return g_scoped != nullptr ? *g_scoped : kChosen;
}

Status CheckIsa() {
  const char* name = std::getenv(kIsaVariable);
  if (name == nullptr) return OkStatus();
  std::string names;
  for (const SimdKernels* kernels : UsableSimdKernels()) {
    if (std::string(name) == kernels->name) return OkStatus();
    names += (names.empty() ? "" : ", ") + std::string(kernels->name);
  }
  return InvalidArgument(std::string("environment variable ") + kIsaVariable + ": " + name +
                         " is no instruction set that this machine has; it has " + names +
                         ". Unset it for the default");
}

ScopedSimd::ScopedSimd(const SimdKernels& kernels) : before_(g_scoped) {
  g_scoped = &kernels;
}

ScopedSimd::~ScopedSimd() {
  g_scoped = before_;
}

}  // namespace braid::trainer
