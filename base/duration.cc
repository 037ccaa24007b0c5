#include "base/duration.h"

#include <vector>

#include "base/text.h"

namespace braid {
namespace {

// A hundred years: a bound far above all uses, so that products stay within int64_t.
constexpr int64_t kLongestDays = 36'500;

// "MM:SS", "HH:MM:SS"; after days "HH", "HH:MM", "HH:MM:SS". -1 for anything else.
int64_t SlurmSeconds(const std::string& text) {
  const size_t dash = text.find('-');
  const bool days = dash != std::string::npos;
  std::vector<std::string> parts = Split(days ? text.substr(dash + 1) : text, ':');
  if (parts.size() > 3) return -1;
  if (days) parts.insert(parts.begin(), text.substr(0, dash));
  while (days && parts.size() < 4) parts.emplace_back("0");
  while (parts.size() < 4) parts.insert(parts.begin(), "0");
  int64_t seconds = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    constexpr int64_t kUnits[] = {86'400, 3'600, 60, 1};
    const Result<int64_t> number = ParseInt(parts[i]);
    if (!number.ok() || *number < 0 || *number > kLongestDays) return -1;
    seconds += *number * kUnits[i];
  }
  return seconds;
}

}  // namespace

Result<int64_t> ParseDuration(const std::string& text) {
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

Result<int64_t> ParseTimeLimit(const std::string& text) {
  if (text == "UNLIMITED" || text == "NOT_SET") return 0;
  if (text.find(':') == std::string::npos && text.find('-') == std::string::npos)
    return ParseDuration(text);
  const int64_t seconds = SlurmSeconds(text);
  if (seconds < 0) {
    return InvalidArgument("\"" + text +
                           "\": expected a time like 90s, 30m, 2h or 30d, or as Slurm has it: "
                           "MM:SS, HH:MM:SS or D-HH:MM:SS");
  }
  return seconds * 1'000;
}

}  // namespace braid
