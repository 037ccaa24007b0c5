// Times that people write on command lines.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::cli {

// "90", "90s", "30m", "2h", "30d" in milliseconds.
Result<int64_t> ParseDuration(const std::string& text);

}  // namespace braid::cli
