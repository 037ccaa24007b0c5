// The check whether this processor has the instructions for which the kernels were compiled. It
// runs before anything else of a program with kernels (cpu_gate.cc).
#pragma once

namespace braid::trainer {

// Instruction sets beyond the architecture's baseline for which kernels may be compiled.
struct CpuFeatures {
  bool avx2 = false;
  bool fma = false;
};

// The features of this processor, as far as the operating system supports them. A weak symbol,
// which tests replace.
CpuFeatures ThisCpu();

// The exit code of a program that cannot run on this machine (EX_UNAVAILABLE; docs/tasks.md).
constexpr int kUnfitMachine = 69;

// One line that says what is missing and what to do; null if the kernels can run. Allocates no
// memory and calls no library function, as it runs before these are initialised. The text is
// static.
const char* CpuRefusal(const CpuFeatures& cpu);

// The instruction set for which the kernels of this build were compiled (BRAID_SIMD): "avx2" or
// "baseline".
const char* KernelSimd();

}  // namespace braid::trainer
