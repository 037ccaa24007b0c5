// What the messages of ssh, and of the programs that it starts on a host, mean for whoever adds a
// worker. Pure.
#pragma once

#include <string>

namespace braid::pool::ssh {

// The words of ssh or tar about `host`, on one line, and what to do about them.
std::string AdviceOn(const std::string& host, const std::string& error);

}  // namespace braid::pool::ssh
