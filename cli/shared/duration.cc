#include "cli/shared/duration.h"

#include <ctime>

namespace braid::cli {

Result<int64_t> ParseMoment(const std::string& text, int64_t now_ms) {
  if (const Result<int64_t> ago = ParseDuration(text); ago.ok()) return now_ms - *ago;
  std::string moment = text;
  if (!moment.empty() && moment.back() == 'Z') moment.pop_back();
  for (const char* format : {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"}) {
    std::tm parts{};
    const char* end = strptime(moment.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return static_cast<int64_t>(timegm(&parts)) * 1000;
  }
  return InvalidArgument("\"" + text +
                         "\": expected how long ago, like 2h or 30d, or a time in UTC like "
                         "2026-11-28 or 2026-11-28T14:30");
}

}  // namespace braid::cli
