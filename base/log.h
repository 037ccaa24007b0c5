// Log lines on standard error, of services and of task programs: as text for people,
// "2026-03-01T12:00:00.123Z I trainer: message", or as one JSON object a line, for programs that
// collect them. Each line is one write(), so that lines of several processes do not mix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/words.h"

namespace braid {

// In rising order; a line has the first letter of its level.
enum class LogLevel { kDebug, kInfo, kWarning, kError };
const Words& WordsOf(LogLevel);
enum class LogFormat { kText, kJson };
const Words& WordsOf(LogFormat);

// What a line is about, for lines in JSON. What is empty, or below 0, is left out.
struct LogSubject {
  std::string run, job;
  // The lease epoch of the attempt, and its rank.
  int64_t attempt = -1, rank = -1;
  // The span that the line belongs to (trace/context.h).
  std::string trace_id, span_id;
};

// Sets the lowest level that is printed, for the whole process; kInfo at first. Thread-safe.
void SetLogLevel(LogLevel level);
// Sets the form of lines, and what all lines without a subject of their own are about, for the
// whole process. To be called before there are threads.
void SetLogFormat(LogFormat format, LogSubject subject = {});
// The form that the variable BRAID_LOG_FORMAT asks for; text if it is not set or says something
// else.
LogFormat LogFormatOfEnvironment();

// Prints one line. `who` is the program or the component that logs. Thread-safe.
void Log(LogLevel level, std::string_view who, std::string_view message);
void Log(LogLevel level, std::string_view who, std::string_view message, const LogSubject& subject);

// One line, which ends with a newline. In JSON, bytes that are not UTF-8 become U+FFFD.
std::string LogLineOf(LogFormat format, int64_t wall_ms, LogLevel level, std::string_view who,
                      std::string_view message, const LogSubject& subject);

}  // namespace braid
