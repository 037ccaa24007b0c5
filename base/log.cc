#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "base/clock.h"
#include "base/text.h"

namespace braid {
namespace {
std::atomic<LogLevel> lowest{LogLevel::kInfo};
}  // namespace

void SetLogLevel(LogLevel level) {
  lowest = level;
}

void Log(LogLevel level, std::string_view who, std::string_view message) {
  if (level < lowest.load()) return;
  // In the order of LogLevel.
  constexpr char kLetters[] = "DIWE";
  std::string line = FormatUtc(SystemClock().WallMs());
  line += ' ';
  line += kLetters[static_cast<int>(level)];
  line += ' ';
  line.append(who).append(": ").append(message);
  line += '\n';
  // A log that cannot be written has nowhere to complain.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace braid
