#include "scheduler/retry.h"

#include <gtest/gtest.h>

#include "scheduler/lease.h"

namespace braid::scheduler {
namespace {

TEST(RetryTest, AUserFailureIsTriedTwiceMore) {
  FailureHistory history;
  for (int i = 0; i < 2; ++i) {
    const RetryDecision decision = DecideRetry(FailureCategory::kUser, false, history, 0.5);
    EXPECT_TRUE(decision.retry) << i;
    history = decision.history;
  }
  const RetryDecision last = DecideRetry(FailureCategory::kUser, false, history, 0.5);
  EXPECT_FALSE(last.retry);
  EXPECT_EQ(last.reason, "it failed 3 times");
  EXPECT_EQ(last.history.infra_losses, 0);
}

TEST(RetryTest, ADeterministicFailureIsFinal) {
  EXPECT_FALSE(DecideRetry(FailureCategory::kUser, true, {}, 0.5).retry);
}

TEST(RetryTest, LosingMachinesIsNotChargedToTheUser) {
  FailureHistory history;
  for (int i = 0; i < 9; ++i) {
    history.workers_lost_on = 2;
    const RetryDecision decision = DecideRetry(FailureCategory::kInfra, false, history, 0.5);
    ASSERT_TRUE(decision.retry) << i;
    history = decision.history;
  }
  EXPECT_EQ(history.user_failures, 0);
  EXPECT_EQ(history.infra_losses, 9);
  history.losses_in_row = 0;  // a new checkpoint
  EXPECT_TRUE(DecideRetry(FailureCategory::kInfra, false, history, 0.5).retry);
}

TEST(RetryTest, AJobThatLosesThreeWorkersInARowIsPoison) {
  FailureHistory history;
  history.losses_in_row = 2;
  history.workers_lost_on = 3;
  const RetryDecision decision = DecideRetry(FailureCategory::kInfra, false, history, 0.5);
  EXPECT_FALSE(decision.retry);
  EXPECT_EQ(decision.reason, "it was lost 3 times in a row on 3 workers without a new checkpoint");
}

// Three machines without a plug-in say nothing about the job (workers_lost_on); ten attempts are
// enough all the same.
TEST(RetryTest, WhatIsCertainToFailOnAMachineIsTriedTenTimes) {
  FailureHistory history;
  for (int i = 0; i < 9; ++i) {
    const RetryDecision decision = DecideRetry(FailureCategory::kInfra, true, history, 0.5);
    ASSERT_TRUE(decision.retry) << i;
    history = decision.history;
  }
  const RetryDecision last = DecideRetry(FailureCategory::kInfra, true, history, 0.5);
  EXPECT_FALSE(last.retry);
  EXPECT_EQ(last.reason, "it was lost 10 times in a row without a new checkpoint");
}

TEST(RetryTest, PreemptionsAreFree) {
  FailureHistory history;
  history.preemptions = 1000;
  const RetryDecision decision = DecideRetry(FailureCategory::kPreempted, false, history, 0.5);
  EXPECT_TRUE(decision.retry);
  EXPECT_EQ(decision.backoff_ms, 0);
}

TEST(RetryTest, ASystemFailureIsTriedOnceOnAnotherWorker) {
  FailureHistory history;
  const RetryDecision first = DecideRetry(FailureCategory::kSystem, false, history, 0.5);
  EXPECT_TRUE(first.retry);
  history.system_failures = 1;
  EXPECT_FALSE(DecideRetry(FailureCategory::kSystem, false, history, 0.5).retry);
}

TEST(RetryTest, WhatFailsBeforeItsProgramRunsIsNoPoisonAndIsTriedWithoutEnd) {
  FailureHistory history;
  history.workers_lost_on = 3;
  history.started = false;
  for (int64_t i = 0; i < 1000; ++i) {
    history.unstarted_in_row = i;
    const RetryDecision decision = DecideRetry(FailureCategory::kInfra, false, history, 0.99);
    ASSERT_TRUE(decision.retry) << i;
    EXPECT_EQ(decision.history.losses_in_row, 0);
    EXPECT_EQ(decision.backoff_ms > 0, i > 0) << i;
    EXPECT_LE(decision.backoff_ms, kMaxBackoffMs);
    history = decision.history;
  }
  EXPECT_EQ(history.infra_losses, 1000);
  EXPECT_FALSE(DecideRetry(FailureCategory::kUser, true, history, 0.5).retry)
      << "but for what the user has to mend";
}

TEST(RetryTest, ADigestThatIsWrongHereIsTriedElsewhere) {
  FailureHistory history;
  history.started = false;
  history.system_failures = 5;
  const RetryDecision decision = DecideRetry(FailureCategory::kSystem, false, history, 0.5);
  EXPECT_TRUE(decision.retry);
}

TEST(RetryTest, AFullDiskIsNoPoison) {
  FailureHistory history;
  history.disk_full = true;
  history.losses_in_row = 9;
  history.workers_lost_on = 3;
  const RetryDecision decision = DecideRetry(FailureCategory::kInfra, false, history, 0.99);
  EXPECT_TRUE(decision.retry);
  EXPECT_EQ(decision.backoff_ms, 0);
  EXPECT_EQ(decision.history.losses_in_row, 9);
  // One that fills disk after disk stands back, and is not given up.
  int64_t last = 0;
  for (int64_t before = 2; before < 50; ++before) {
    history.disk_full_in_row = before;
    const RetryDecision again = DecideRetry(FailureCategory::kInfra, false, history, 0.99);
    EXPECT_TRUE(again.retry);
    EXPECT_GE(again.backoff_ms, std::max<int64_t>(20'000, last));
    EXPECT_LE(again.backoff_ms, 120'000);
    last = again.backoff_ms;
  }
}

TEST(RetryTest, CancelledIsAsPreempted) {
  const RetryDecision decision = DecideRetry(FailureCategory::kCancelled, false, {}, 0.5);
  EXPECT_TRUE(decision.retry);
  EXPECT_EQ(decision.history.preemptions, 1);
}

}  // namespace
}  // namespace braid::scheduler
