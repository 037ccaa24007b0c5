#include "scheduler/time_limit.h"

#include <gmock/gmock.h>

namespace braid::scheduler {
namespace {

TEST(TimeLimitTest, WhatWasHeldBeforeCountsAndTheTimeBetweenDoesNot) {
  EXPECT_EQ(TimeIsUpAtMs(60, {}, 1'000), 61'000);
  EXPECT_EQ(TimeIsUpAtMs(60, {{0, 20'000}, {50'000, 60'000}}, 100'000), 130'000);
  EXPECT_EQ(TimeIsUpAtMs(60, {{0, 90'000}}, 100'000), 100'000) << "at once, and not before";
}

TEST(TimeLimitTest, WithoutALimitItIsNever) {
  EXPECT_EQ(TimeIsUpAtMs(0, {{0, 90'000}}, 100'000), INT64_MAX);
  EXPECT_EQ(TimeIsUpAtMs(INT64_MAX, {}, 100'000), INT64_MAX) << "too large for a number of ms";
}

TEST(TimeLimitTest, AClockThatWasSetBackGivesNoTimeAway) {
  EXPECT_EQ(TimeIsUpAtMs(60, {{50'000, 20'000}}, 30'000), 90'000);
}

}  // namespace
}  // namespace braid::scheduler
