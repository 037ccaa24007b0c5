#include "trainer/kernels/cpu.h"

namespace braid::trainer {

[[gnu::weak]] CpuFeatures ThisCpu() {
  CpuFeatures cpu;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  cpu.avx2 = __builtin_cpu_supports("avx2") != 0;
  cpu.fma = __builtin_cpu_supports("fma") != 0;
#endif
  return cpu;
}

#ifdef BRAID_SIMD_AVX2
#define BRAID_WHAT_TO_DO                                                                         \
  ", which this build of braid's trainer needs; run it on another machine, or build it with -D " \
  "BRAID_SIMD=baseline\n"

const char* CpuRefusal(const CpuFeatures& cpu) {
  if (!cpu.avx2 && !cpu.fma) return "this CPU has neither AVX2 nor FMA" BRAID_WHAT_TO_DO;
  if (!cpu.avx2) return "this CPU has no AVX2" BRAID_WHAT_TO_DO;
  if (!cpu.fma) return "this CPU has no FMA" BRAID_WHAT_TO_DO;
  return nullptr;
}

const char* KernelSimd() {
  return "avx2";
}
#else
const char* CpuRefusal(const CpuFeatures&) {
  return nullptr;
}

const char* KernelSimd() {
  return "baseline";
}
#endif

}  // namespace braid::trainer
