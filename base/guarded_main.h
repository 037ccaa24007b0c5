// The outermost frame of a program.
#pragma once

namespace braid {

// Calls `run` and returns what it returns. Nothing in braid throws on bad input, but libraries do:
// an exception that gets this far is said in a sentence on standard error, and the exit code is 1.
int GuardedMain(const char* program, int (*run)(int, char**), int argc, char** argv);

}  // namespace braid
