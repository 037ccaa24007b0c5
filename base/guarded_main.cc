#include "base/guarded_main.h"

#include <cstdio>
#include <exception>
#include <new>

namespace braid {

int GuardedMain(const char* program, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory\n", program);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: unexpected error: %s\n", program, error.what());
  } catch (...) {
    std::fprintf(stderr, "%s: unexpected error of a kind that says nothing\n", program);
  }
  return 1;
}

}  // namespace braid
