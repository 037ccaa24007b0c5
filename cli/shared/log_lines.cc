#include "cli/shared/log_lines.h"

#include <algorithm>
#include <map>

namespace braid::cli {
namespace {

// "2026-03-01T12:00:00.123Z" at the beginning of a line; otherwise empty.
std::string_view TimeOf(std::string_view line) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (line.size() < kForm.size()) return {};
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool fits = kForm[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == kForm[i];
    if (!fits) return {};
  }
  return line.substr(0, kForm.size());
}

}  // namespace

LogLine LogCutter::LineOf(std::string_view text) {
  // Never back: the lines of several processes may be written a moment out of order, and the order
  // of a log is kept.
  if (const std::string_view time = TimeOf(text); time > time_) time_ = time;
  LogLine line{job_, attempt_, offset_, std::string(text), time_};
  offset_ += static_cast<int64_t>(text.size()) + 1;
  return line;
}

void LogCutter::Add(int64_t attempt, int64_t offset, std::string_view piece,
                    std::vector<LogLine>* lines) {
  if (attempt != attempt_) End(lines);
  if (rest_.empty()) offset_ = offset;
  attempt_ = attempt;
  rest_ += piece;
  size_t begin = 0;
  for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines->push_back(LineOf(std::string_view(rest_).substr(begin, end - begin)));
  rest_.erase(0, begin);
}

void LogCutter::End(std::vector<LogLine>* lines) {
  if (!rest_.empty()) lines->push_back(LineOf(rest_));
  rest_.clear();
}

void SortByTime(std::vector<LogLine>* lines) {
  std::stable_sort(lines->begin(), lines->end(), [](const LogLine& left, const LogLine& right) {
    return left.time < right.time;
  });
}

void KeepLast(int64_t most, std::vector<LogLine>* lines) {
  std::map<std::string, int64_t> left;
  for (const LogLine& line : *lines) ++left[line.job];
  std::erase_if(*lines, [&](const LogLine& line) { return left[line.job]-- > most; });
}

}  // namespace braid::cli
