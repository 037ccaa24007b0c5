#include "cli/shared/duration.h"

#include <ctime>

#include "base/text.h"

namespace braid::cli {

Result<int64_t> ParseDuration(const std::string& text) {
  constexpr int64_t kLongestDays = 36'500;
  int64_t unit = 1'000;
  std::string digits = text;
  if (!digits.empty()) {
    const char last = digits.back();
    if (last == 'm') unit *= 60;
    if (last == 'h') unit *= 3'600;
    if (last == 'd') unit *= 86'400;
    if (last == 's' || unit > 1'000) digits.pop_back();
  }
  const Result<int64_t> number = ParseInt(digits);
  // Bounded, so that the product cannot overflow.
  if (!number.ok() || *number < 0 || *number > kLongestDays * 86'400'000 / unit)
    return InvalidArgument("\"" + text + "\": expected a time like 90s, 30m, 2h or 30d");
  return *number * unit;
}

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
