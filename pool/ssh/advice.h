// Explanations of the messages of ssh, and of programs that it starts on a host, for users who add
// a worker. Pure functions.
#pragma once

#include <string>

namespace braid::pool::ssh {

// The error output of ssh or tar about `host`, on one line, followed by advice.
std::string AdviceOn(const std::string& host, const std::string& error);

}  // namespace braid::pool::ssh
