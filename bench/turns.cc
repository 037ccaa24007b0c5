#include "bench/turns.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace braid::bench {
namespace {

void Print(const Json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace

Status ServeTurns(const Json& facts, const Turn& turn) {
  Print(facts);
  for (std::string line; std::getline(std::cin, line);) {
    char* end = nullptr;
    const double seconds = std::strtod(line.c_str(), &end);
    if (end == line.c_str() || seconds < 0)
      return InvalidArgument("a turn is a number of seconds, not \"" + line + "\"");
    BRAID_ASSIGN_OR_RETURN(const Json result, turn(seconds));
    Print(result);
  }
  return OkStatus();
}

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace braid::bench
