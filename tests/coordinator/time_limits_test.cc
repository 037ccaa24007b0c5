// Runs and jobs that take longer than they may.
#include "coordinator/core/time_limits.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class TimeLimitsTest : public CoreTest {
 protected:
  // A run whose job `a`, and `b` after it, may have workers for so long; and itself.
  std::string SubmitLimited(int64_t job_s, int64_t run_s) {
    SubmitCommand command = CommandOf(
        {Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
    for (recipe::JobNode& job : command.dag.jobs) job.max_duration_s = job_s;
    command.dag.max_duration_s = run_s;
    return SubmitTaken(command);
  }
  void Start(const std::string& run, FakeWorker& worker) {
    EXPECT_TRUE(Beat(worker).ok());
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
  }
  void Pass(int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 5'000) {
      clock_.Advance(std::min<int64_t>(left, 5'000));
      for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
    }
  }
  AttemptState StateOf(const std::string& run, int64_t epoch = 1) {
    return core_->state().FindAttempt({run, "a", epoch})->state;
  }
};

TEST_F(TimeLimitsTest, AJobIsStoppedWithACheckpointAndFails) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, worker);
  Pass(59'000);
  ASSERT_EQ(StateOf(run), AttemptState::kRunning);
  Pass(1'000);
  ASSERT_EQ(StateOf(run), AttemptState::kStopping);
  const Assignment& told = worker.sink->newest->ranks.at(0);
  EXPECT_TRUE(told.stop);
  EXPECT_EQ(told.stop_timeout_ms, Options().drain_deadline_ms) << "it may write a checkpoint";
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(run, "a"), 7, Artifact("c", "checkpoint"), tx);
              }).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(StateOf(run), AttemptState::kFailed);
  EXPECT_EQ(Job(run, "a").state, JobState::kFailed);
  EXPECT_EQ(Job(run, "a").error,
            "it has had workers for 1 min 00 s, which is as long as it may take "
            "(max_duration.train); its checkpoint is that of step 7");
  EXPECT_THAT(Job(run, "a").hint, HasSubstr("`braid retry RUN` goes on from its newest"));
  EXPECT_EQ(Job(run, "b").state, JobState::kSkipped);
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kFailed);
  const auto events = store_.ReadEvents({0, run, 100, true}).value();
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const catalog::EventRecord& event) {
    return event.kind == "attempt.stopping" && event.detail.starts_with("time_limit: it has had");
  }));
  // A retry has as much time again, and what was reached.
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto id = Retry(run, tx);
                if (id.ok()) again = *id;
                return id.status();
              }).ok());
  EXPECT_EQ(Job(again, "a").max_duration_s, 60);
  Pass(50'000);
  EXPECT_EQ(StateOf(again), AttemptState::kOffered);
  EXPECT_EQ(core_->state().FindAttempt({again, "a", 1})->resumed_step, 7);
}

// Attempts count together, and the time between them does not.
TEST_F(TimeLimitsTest, TheClockGoesOnOverAttempts) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, worker);
  Pass(40'000);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "user", "once").ok());
  ASSERT_EQ(Job(run, "a").state, JobState::kQueued) << "after a pause";
  const int64_t pause_ms = Job(run, "a").not_before_ms - clock_.WallMs();
  Pass(pause_ms);
  ASSERT_EQ(Job(run, "a").epoch, 2);
  Pass(15'000);
  ASSERT_EQ(StateOf(run, 2), AttemptState::kOffered);
  Pass(5'000);
  EXPECT_EQ(StateOf(run, 2), AttemptState::kStopping);
}

TEST_F(TimeLimitsTest, ARestartDoesNotBeginAnew) {
  AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, workers_["w1"]);
  Pass(40'000);
  Restart();
  Connect(workers_["w1"]);
  Pass(15'000);
  ASSERT_EQ(StateOf(run), AttemptState::kRunning);
  Pass(5'000);
  EXPECT_EQ(StateOf(run), AttemptState::kStopping);
}

TEST_F(TimeLimitsTest, AJobWithoutTimeLeftIsNotTriedAgain) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, worker);
  Pass(59'000);
  clock_.Advance(1'500);  // before the next pass
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra", "killed").ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kFailed);
  EXPECT_THAT(Job(run, "a").error,
              HasSubstr("as long as it may take (max_duration.train); its last attempt: killed"));
}

// What would have ended the job in any case is told as it is.
TEST_F(TimeLimitsTest, AFaultOfTheJobIsNotHiddenByTheLimit) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, worker);
  Pass(59'000);
  clock_.Advance(1'500);
  EndedCommand ended;
  ended.rank = RankOf(run, "a");
  ended.worker = "w1";
  ended.failure = {"user", "the loss is not finite", "", /*deterministic=*/true};
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  EXPECT_EQ(Job(run, "a").error, "the loss is not finite (trying again cannot help)");
}

TEST_F(TimeLimitsTest, WhatAProgramSaysWhileItIsStoppedIsTold) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 0);
  Start(run, worker);
  Pass(60'000);
  ASSERT_EQ(StateOf(run), AttemptState::kStopping);
  EndedCommand ended;
  ended.rank = RankOf(run, "a");
  ended.worker = "w1";
  ended.failure = {"infra", "the disk is full", "", false, "", "no room\n"};
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  EXPECT_EQ(Job(run, "a").error,
            "it has had workers for 1 min 00 s, which is as long as it may take "
            "(max_duration.train); while it was stopped: the disk is full");
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->failure.log_tail, "no room\n");
}

TEST_F(TimeLimitsTest, ARunEndsWithWhatRunsAndWhatWaits) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(0, 60);
  Start(run, worker);
  const std::string other = SubmitLimited(0, 70);  // which waits for the worker
  Pass(55'000);
  ASSERT_EQ(StateOf(run), AttemptState::kRunning);
  Pass(5'000);
  ASSERT_EQ(StateOf(run), AttemptState::kStopping);
  worker.obedient = false;
  Pass(10'000);
  EXPECT_EQ(core_->state().FindRun(other)->state, RunState::kFailed) << "it never had a worker";
  EXPECT_EQ(core_->state().FindRun(other)->error,
            "a: the run was submitted 1 min 10 s ago, which is as long as it may take "
            "(max_duration.run)");
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok()) << "it was done just then";
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
  Pass(5'000);
  EXPECT_EQ(Job(run, "b").state, JobState::kFailed);
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kFailed);
}

TEST_F(TimeLimitsTest, ACancellationIsNoLimit) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitLimited(60, 60);
  Start(run, worker);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  Pass(70'000);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "cancelled", "").ok());
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kCancelled);
}

}  // namespace
}  // namespace braid::coordinator
