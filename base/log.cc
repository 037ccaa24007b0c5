#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

namespace braid {
namespace {

std::atomic<LogLevel> lowest{LogLevel::kInfo};
std::atomic<LogFormat> form{LogFormat::kText};

// Reachable until the end of the process, whose last lines may come from other threads.
LogSubject& OfAllLines() {
  static auto* const subject = new LogSubject;
  return *subject;
}

std::string TextLine(int64_t wall_ms, LogLevel level, std::string_view who,
                     std::string_view message) {
  // In the order of LogLevel.
  constexpr char kLetters[] = "DIWE";
  std::string line = FormatUtc(wall_ms);
  line += ' ';
  line += kLetters[static_cast<int>(level)];
  line += ' ';
  line.append(who).append(": ").append(message);
  return line + "\n";
}

}  // namespace

const Words& WordsOf(LogLevel) {
  static const Words words = {"debug", "info", "warning", "error"};
  return words;
}

const Words& WordsOf(LogFormat) {
  static const Words words = {"text", "json"};
  return words;
}

void SetLogLevel(LogLevel level) {
  lowest = level;
}

void SetLogFormat(LogFormat format, LogSubject subject) {
  OfAllLines() = std::move(subject);
  form = format;
}

LogFormat LogFormatOfEnvironment() {
  const char* word = std::getenv("BRAID_LOG_FORMAT");
  return FromName<LogFormat>(word == nullptr ? "" : word).value_or(LogFormat::kText);
}

void Log(LogLevel level, std::string_view who, std::string_view message) {
  Log(level, who, message, OfAllLines());
}

void Log(LogLevel level, std::string_view who, std::string_view message,
         const LogSubject& subject) {
  if (level < lowest.load()) return;
  const std::string line = LogLineOf(form, SystemClock().WallMs(), level, who, message, subject);
  // A log that cannot be written has nowhere to complain.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string LogLineOf(LogFormat format, int64_t wall_ms, LogLevel level, std::string_view who,
                      std::string_view message, const LogSubject& subject) {
  if (format == LogFormat::kText) return TextLine(wall_ms, level, who, message);
  nlohmann::ordered_json line = {{"time", FormatUtc(wall_ms)},
                                 {"level", NameOf(level)},
                                 {"logger", std::string(who)},
                                 {"message", std::string(message)}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) line[name] = text;
  };
  add("run", subject.run);
  add("job", subject.job);
  if (subject.attempt >= 0) line["attempt"] = subject.attempt;
  if (subject.rank >= 0) line["rank"] = subject.rank;
  add("trace_id", subject.trace_id);
  add("span_id", subject.span_id);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace braid
