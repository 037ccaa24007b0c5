#include "base/duration.h"

#include <gmock/gmock.h>

namespace braid {
namespace {

using ::testing::HasSubstr;

TEST(DurationTest, TimeLimitsAreDurationsOrSlurms) {
  const std::pair<const char*, int64_t> cases[] = {
      {"90", 90},       {"90s", 90},         {"30m", 1'800},         {"2h", 7'200},
      {"1:00", 60},     {"59:59", 3'599},    {"01:00:00", 3'600},    {"2-00", 172'800},
      {"1-02", 93'600}, {"1-02:03", 93'780}, {"1-02:03:04", 93'784}, {"0:05", 5},
      {"UNLIMITED", 0}, {"NOT_SET", 0}};
  for (const auto& [text, seconds] : cases) {
    const auto limit = ParseTimeLimit(text);
    ASSERT_TRUE(limit.ok()) << text << ": " << limit.status().ToString();
    EXPECT_EQ(*limit, seconds * 1'000) << text;
  }
}

TEST(DurationTest, WhatIsNoTimeSaysWhatIs) {
  for (const char* text : {"", "soon", "1:2:3:4", "1-", "-1", "1:-2", "1:x", "INVALID", "9e9",
                           "99999999999999999999:00"}) {
    const auto limit = ParseTimeLimit(text);
    ASSERT_FALSE(limit.ok()) << text;
    EXPECT_THAT(limit.status().message(), HasSubstr("30m")) << text;
  }
}

}  // namespace
}  // namespace braid
