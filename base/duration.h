// Durations as people write them on command lines.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid {

// Parses "90" (seconds), "90s", "30m", "2h" or "30d"; returns milliseconds. kInvalidArgument for
// any other text.
Result<int64_t> ParseDuration(const std::string& text);

// How long something may take: a duration as above or, as Slurm writes them, "MM:SS", "HH:MM:SS",
// "D-HH", "D-HH:MM" and "D-HH:MM:SS". 0 for what Slurm prints if there is no limit: "UNLIMITED" and
// "NOT_SET".
Result<int64_t> ParseTimeLimit(const std::string& text);

}  // namespace braid
