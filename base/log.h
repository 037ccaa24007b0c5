// Log lines of the task programs: "2026-03-01T12:00:00.123Z I trainer: message" on stderr, one
// write a line, so that lines of several processes do not mix. The services log with spdlog in the
// same shape.
#pragma once

#include <string_view>

namespace braid {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below `level` are dropped from now on; kInfo at first.
void SetLogLevel(LogLevel level);
// `who` is the program or the part of it that speaks. Thread-safe.
void Log(LogLevel level, std::string_view who, std::string_view message);

}  // namespace braid
