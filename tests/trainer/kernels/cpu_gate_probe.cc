// A program with kernels, linked for several processors: nothing of it may run before it is asked.
#include <unistd.h>

#include "trainer/kernels/cpu.h"

namespace braid::trainer {

// In place of the true answer.
CpuFeatures ThisCpu() {
  CpuFeatures cpu;
#ifdef PROBE_AVX2
  cpu.avx2 = true;
#endif
#ifdef PROBE_FMA
  cpu.fma = true;
#endif
  return cpu;
}

}  // namespace braid::trainer

namespace {

struct Initialised {
  Initialised() { (void)!write(STDOUT_FILENO, "initialised\n", 12); }
} g_initialised;

}  // namespace

int main() {
  return write(STDOUT_FILENO, "main\n", 5) == 5 ? 0 : 1;
}
