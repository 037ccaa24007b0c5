// Ends a program that this processor cannot run, with a sentence instead of an illegal instruction.
// The kernels' instructions may stand anywhere: a template that they share with the rest of the
// program is linked once, and perhaps as they compiled it. So this runs before the initialisers of
// all libraries and of the program (.preinit_array), and is compiled and linked without those
// instructions; trainer/CMakeLists.txt makes the linker take it into every program that has the
// kernels.
#include <unistd.h>

#include "trainer/kernels/cpu.h"

namespace {

// Not strlen and the like: the C++ ones are templates and inline functions, too.
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
