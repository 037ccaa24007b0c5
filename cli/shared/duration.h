// Moments that people write on command lines.
#pragma once

#include <cstdint>
#include <string>

#include "base/duration.h"
#include "base/status.h"

namespace braid::cli {

// A moment, in milliseconds since 1970: "2h" is so long before `now_ms`; "2026-11-28",
// "2026-11-28T14:30" and "2026-11-28T14:30:05" are UTC, with or without a Z.
Result<int64_t> ParseMoment(const std::string& text, int64_t now_ms);

}  // namespace braid::cli
