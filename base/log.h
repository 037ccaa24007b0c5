// Log lines of the task programs on standard error: "2026-03-01T12:00:00.123Z I trainer: message".
// Each line is one write(), so that lines of several processes do not mix. The services log with
// spdlog in the same format.
#pragma once

#include <string_view>

namespace braid {

// In rising order; a line has the first letter of its level.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Sets the lowest level that is printed, for the whole process; kInfo at first. Thread-safe.
void SetLogLevel(LogLevel level);
// Prints one line. `who` is the program or the component that logs. Thread-safe.
void Log(LogLevel level, std::string_view who, std::string_view message);

}  // namespace braid
