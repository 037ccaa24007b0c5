// Ends a program that this processor cannot run with a message instead of an illegal instruction.
//
// Instructions of the kernels may occur anywhere in the program: of a template that kernels and
// other code share, the linker keeps one copy, perhaps the one compiled for the kernels. So this
// check runs before the initialisers of the program and of all its libraries (.preinit_array), and
// it is compiled and linked without those instructions. trainer/CMakeLists.txt makes the linker add
// it to every program with kernels.
#include <unistd.h>

#include "trainer/kernels/cpu.h"

namespace {

// Functions such as strlen could be inlined from headers that the kernels share.
unsigned long Length(const char* text) {
  unsigned long length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

void Say(const char* text) {
  (void)!write(STDERR_FILENO, text, Length(text));
}

void Check(int argc, char** argv, char**) {
  const char* refusal = braid::trainer::CpuRefusal(braid::trainer::ThisCpu());
  if (refusal == nullptr) return;
  const char* name = argc > 0 ? argv[0] : "braid";
  for (const char* at = name; *at != '\0'; ++at) {
    if (*at == '/') name = at + 1;
  }
  Say(name);
  Say(": ");
  Say(refusal);
  _exit(braid::trainer::kUnfitMachine);
}

}  // namespace

extern "C" {
[[gnu::used, gnu::section(".preinit_array")]] void (*braid_cpu_gate)(int, char**, char**) = Check;
}
