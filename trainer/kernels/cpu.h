// Can this processor run the kernels of this build? Asked before anything else of a program with
// kernels runs (cpu_gate.cc).
#pragma once

namespace braid::trainer {

// What the kernels may be built for beyond the architecture's baseline.
struct CpuFeatures {
  bool avx2 = false;
  bool fma = false;
};

// What this processor and its operating system offer. A program may define it anew, for tests.
CpuFeatures ThisCpu();

// Exit code of a program that this machine cannot run (EX_UNAVAILABLE; docs/tasks.md).
constexpr int kUnfitMachine = 69;

// A sentence that says what is missing and what to do, or null where the kernels can run. No part
// of it allocates memory or calls the library: it is used before either is ready.
const char* CpuRefusal(const CpuFeatures& cpu);

// "avx2" or "baseline": what the kernels of this build were compiled for (BRAID_SIMD).
const char* KernelSimd();

}  // namespace braid::trainer
