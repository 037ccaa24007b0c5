#include "cli/shared/duration.h"

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

}  // namespace braid::cli
