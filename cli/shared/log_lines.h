// Logs of several jobs as lines in the order of their times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braid::cli {

// One line of the log of an attempt.
struct LogLine {
  std::string job;
  int64_t attempt = 0;
  int64_t offset = 0;  // of its first byte in the log
  std::string text;    // without the line break
  // When it was written, as log lines begin with it (base/log.h): "2026-03-01T12:00:00.123Z". A
  // line without one has that of the line before; empty if no line before has one.
  std::string time;
};

// Cuts the pieces of one job's log into lines.
class LogCutter {
 public:
  explicit LogCutter(std::string job) : job_(std::move(job)) {}
  // Appends the lines that this piece completes. What follows its last line break waits for more.
  void Add(int64_t attempt, int64_t offset, std::string_view piece, std::vector<LogLine>* lines);
  // Appends what waits: nothing follows in this attempt.
  void End(std::vector<LogLine>* lines);

 private:
  LogLine LineOf(std::string_view text);

  const std::string job_;
  std::string rest_;                  // the beginning of a line
  int64_t attempt_ = 0, offset_ = 0;  // of rest_
  std::string time_;                  // the latest
};

// In the order of time; lines of one job stay in their order.
void SortByTime(std::vector<LogLine>* lines);

// Drops all but the last `most` lines of each job.
void KeepLast(int64_t most, std::vector<LogLine>* lines);

}  // namespace braid::cli
