#include "base/log.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace braid {
namespace {

constexpr int64_t kTime = 1'772'366'400'123;

TEST(LogTest, ALineOfText) {
  EXPECT_EQ(
      LogLineOf(LogFormat::kText, kTime, LogLevel::kWarning, "worker", "no room", {"r-1", "a", 2}),
      "2026-03-01T12:00:00.123Z W worker: no room\n");
}

TEST(LogTest, ALineOfJsonHasWhatItIsAbout) {
  LogSubject subject{"r-1", "a", 2, 0};
  subject.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  subject.span_id = "00f067aa0ba902b7";
  const std::string line = LogLineOf(LogFormat::kJson, kTime, LogLevel::kError, "trainer",
                                     "two\nlines \xff", subject);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  EXPECT_EQ(Json::parse(line), Json::parse(R"({
    "time": "2026-03-01T12:00:00.123Z", "level": "error", "logger": "trainer",
    "message": "two\nlines \ufffd", "run": "r-1", "job": "a", "attempt": 2, "rank": 0,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"})"));
}

TEST(LogTest, WhatIsNotThereIsLeftOut) {
  EXPECT_EQ(Json::parse(LogLineOf(LogFormat::kJson, kTime, LogLevel::kInfo, "w", "m", {})).size(),
            4u);
}

}  // namespace
}  // namespace braid
