// Conversion of uncaught exceptions into an error message and an exit code, for main().
#pragma once

namespace braid {

// Calls `run(argc, argv)` and returns its result. Braid's own code does not throw on bad input, but
// libraries do: an exception that reaches this function is printed to standard error, preceded by
// the name `program`, and the result is 1.
int GuardedMain(const char* program, int (*run)(int, char**), int argc, char** argv);

}  // namespace braid
