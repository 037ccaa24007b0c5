#include "trainer/kernels/simd/dispatch.h"

#include <cstdlib>

#include "trainer/kernels/simd/tile_permission.h"

namespace braid::trainer {

extern const SimdKernels kGenericKernels;
#ifdef BRAID_SIMD_X86
extern const SimdKernels kAvx2Kernels, kAvx512Kernels;
extern const Products kAvx512Bf16Products, kAmxProducts;
#endif

namespace {

const SimdKernels* g_scoped = nullptr;

#ifdef BRAID_SIMD_X86
// AVX-512 with other products of bf16; all else is the same.
SimdKernels Avx512With(const char* name, const char* bf16_name, const Products& bf16) {
  SimdKernels all = kAvx512Kernels;
  all.name = name;
  all.bf16_name = bf16_name;
  all.bf16 = bf16;
  all.multiplies_bf16 = true;
  return all;
}

const SimdKernels& Avx512Bf16Kernels() {
  static const SimdKernels kernels = Avx512With("avx512_bf16", kAvx512Kernels.name,
                                                kAvx512Bf16Products);
  return kernels;
}

const SimdKernels& AmxKernels() {
  static const SimdKernels kernels = Avx512With("amx", "amx", kAmxProducts);
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
    if (__builtin_cpu_supports("avx512bf16")) {
      usable.push_back(&Avx512Bf16Kernels());
      if (MayUseTiles()) usable.push_back(&AmxKernels());
    }
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
