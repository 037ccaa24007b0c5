// Running jobs that are stopped for those of runs of a higher priority.
#include "coordinator/core/preemptions.h"

#include "base/text.h"
#include "coordinator/api/pools.h"
#include "coordinator/core/pauses.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class PreemptionsTest : public CoreTest {
 protected:
  PreemptionsTest() {
    preempt_ = true;
    Restart();
    clock_.Advance(20'000);  // workers are not expected to come back any more
  }
  std::string Train(int64_t priority, bool preempts = true, int32_t ranks = 1) {
    SubmitCommand command = CommandOf({Node("a", "train", {}, ranks)});
    command.priority = priority;
    command.preempts = preempts;
    return SubmitTaken(command);
  }
  void Started(const std::string& run) {
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
  }
  Status Stopped(const std::string& run, const std::string& worker) {
    return End(RankOf(run, "a"), worker, false, "preempted", "stopped");
  }
  const AttemptRecord& Attempt(const std::string& run, int64_t epoch = 1) {
    return *core_->state().FindAttempt({run, "a", epoch});
  }
  std::string WaitsFor(const std::string& run) {
    const auto pending = core_->state().PendingOf(Job(run, "a"));
    return pending.has_value() ? NameOf(pending->reason) + ": " + pending->detail : "";
  }
  std::vector<std::string> Events(const std::string& run) {
    std::vector<std::string> told;
    const std::vector<catalog::EventRecord> events = store_.ReadEvents({0, run, 100, true}).value();
    for (const catalog::EventRecord& event : events)
      told.push_back(event.kind + (event.detail.empty() ? "" : " " + event.detail));
    return told;
  }
};

TEST_F(PreemptionsTest, OneOfLowerPriorityStopsWithACheckpointAndGoesOnFromItLater) {
  FakeWorker& worker = AddWorker("w1");
  const std::string low = Train(0);
  EXPECT_TRUE(Beat(worker).ok());
  Started(low);
  const std::string high = Train(5);
  EXPECT_EQ(Attempt(low).state, AttemptState::kStopping);
  const Assignment& told = worker.sink->newest->ranks.at(0);
  EXPECT_TRUE(told.stop);
  EXPECT_EQ(told.stop_timeout_ms, Options().preempt_grace_ms) << "it may write a checkpoint";
  Turn();
  EXPECT_EQ(WaitsFor(high), "PREEMPTING: it waits for " + low + "/a to stop, which is killed at " +
                                FormatUtc(clock_.WallMs() + Options().preempt_grace_ms) +
                                " if it has not by then");
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(low, "a"), 7, Artifact("c", "checkpoint"), tx);
              }).ok());
  EXPECT_TRUE(Stopped(low, "w1").ok());
  EXPECT_EQ(Job(high, "a").state, JobState::kActive) << "and not the one that was stopped";
  EXPECT_EQ(Attempt(low).state, AttemptState::kPreempted);
  EXPECT_EQ(Attempt(low).failure.error,
            "its slots are wanted for " + high + "/a of priority 5, and this run has priority 0");
  EXPECT_EQ(Job(low, "a").state, JobState::kQueued);
  EXPECT_EQ(Job(low, "a").counters.preemptions, 1);
  EXPECT_EQ(Job(low, "a").counters.user_failures, 0);
  EXPECT_EQ(Job(low, "a").counters.infra_losses, 0);
  EXPECT_THAT(WaitsFor(low), HasSubstr("WAITING_CAPACITY"));
  EXPECT_THAT(Events(low), Contains("attempt.stopping preempt: its slots are wanted for " + high +
                                    "/a of priority 5, and this run has priority 0"));
  EXPECT_TRUE(End(RankOf(high, "a"), "w1", true).ok());
  EXPECT_EQ(Attempt(low, 2).resumed_step, 7);
}

TEST_F(PreemptionsTest, NothingIsStoppedUnlessTheCoordinatorAndTheRunWantIt) {
  AddWorker("w1");
  const std::string low = Train(0);
  Train(5, /*preempts=*/false);
  Turn();
  EXPECT_EQ(Attempt(low).state, AttemptState::kOffered);
  preempt_ = false;
  Restart();
  Connect(workers_["w1"]);
  const std::string high = Train(9);
  Turn();
  EXPECT_EQ(Attempt(low).state, AttemptState::kOffered);
  EXPECT_THAT(WaitsFor(high), HasSubstr("WAITING_CAPACITY"));
}

// A merge that is stopped would begin anew.
TEST_F(PreemptionsTest, JobsWithoutCheckpointsRunToTheirEnd) {
  AddWorker("w1");
  const std::string low = SubmitJobs({Node("a", "merge")});
  const std::string high = Train(5);
  Turn();
  EXPECT_EQ(Attempt(low).state, AttemptState::kOffered);
  EXPECT_THAT(WaitsFor(high), HasSubstr("WAITING_CAPACITY"));
}

TEST_F(PreemptionsTest, TheOneThatLosesLessIsStopped) {
  AddWorker("w1", 2);
  const std::string older = Train(0), younger = Train(0);
  Started(older);
  Started(younger);
  clock_.Advance(1'000);
  catalog::ArtifactRecord checkpoint = Artifact("c", "checkpoint");
  checkpoint.made_by = RankOf(older, "a").attempt();
  checkpoint.created_ms = clock_.WallMs();
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(older, "a"), 7, checkpoint, tx);
              }).ok());
  Train(1);
  EXPECT_EQ(Attempt(older).state, AttemptState::kStopping);
  EXPECT_EQ(Attempt(younger).state, AttemptState::kRunning);
}

TEST_F(PreemptionsTest, AGangStopsAsAWholeAndNobodyElseGetsItsFirstSlot) {
  AddWorker("w1", 2);
  const std::string low = Train(0, true, 2);
  const std::string high = Train(5, true, 2);
  const std::string other = Train(0);
  EXPECT_TRUE(End(RankOf(low, "a", 1), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Attempt(low).state, AttemptState::kStopping);
  EXPECT_TRUE(End(RankOf(low, "a", 0), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Job(high, "a").state, JobState::kActive);
  EXPECT_EQ(Job(low, "a").state, JobState::kQueued);
  EXPECT_EQ(Job(other, "a").state, JobState::kQueued);
}

// Two trainings stop for one gang. The slot of the first stays free until the second has stopped.
TEST_F(PreemptionsTest, WhatWasStoppedDoesNotBeginAgainInTheSlotsThatItFreed) {
  AddWorker("w1", 2);
  const std::string first = Train(0), second = Train(0);
  const std::string gang = Train(5, true, 2);
  ASSERT_EQ(Attempt(first).state, AttemptState::kStopping);
  ASSERT_EQ(Attempt(second).state, AttemptState::kStopping);
  EXPECT_TRUE(Stopped(first, "w1").ok());
  Turn();
  EXPECT_EQ(Job(first, "a").state, JobState::kQueued);
  EXPECT_THAT(WaitsFor(gang), HasSubstr("PREEMPTING: it waits for " + second + "/a to stop"));
  EXPECT_TRUE(Stopped(second, "w1").ok());
  EXPECT_EQ(Job(gang, "a").state, JobState::kActive);
}

// A worker that has not come back yet has what is being stopped, or is free.
TEST_F(PreemptionsTest, ARestartStopsNobodyElseWhileWorkersComeBack) {
  AddWorker("w1");
  const std::string low = Train(0);
  AddWorker("w2");
  const std::string other = Train(0);
  const std::string high = Train(5);
  const std::string stopped = Attempt(low).state == AttemptState::kStopping ? low : other;
  const std::string spared = stopped == low ? other : low;
  Restart();
  Connect(workers_[Attempt(spared).workers[0]]);
  Turn();
  EXPECT_EQ(Attempt(spared).state, AttemptState::kOffered);
  EXPECT_EQ(Attempt(stopped).state, AttemptState::kStopping);
  Connect(workers_[Attempt(stopped).workers[0]]);
  EXPECT_TRUE(Stopped(stopped, Attempt(stopped).workers[0]).ok());
  EXPECT_EQ(Job(high, "a").state, JobState::kActive);
  EXPECT_EQ(Attempt(spared).state, AttemptState::kOffered);
}

TEST_F(PreemptionsTest, WhatTakesTooLongIsNotWaitedFor) {
  AddWorker("w1");
  const std::string low = Train(0);
  AddWorker("w2");
  const std::string other = Train(0);
  Train(5);
  const std::string stopped = Attempt(low).state == AttemptState::kStopping ? low : other;
  const std::string spared = stopped == low ? other : low;
  for (int64_t left = Options().preempt_grace_ms + 60'000; left > 0; left -= 10'000) {
    EXPECT_EQ(Attempt(spared).state, AttemptState::kOffered);
    clock_.Advance(10'000);
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_EQ(Attempt(spared).state, AttemptState::kStopping);
}

// It cannot save what it has done: nothing of that is a failure of its job.
TEST_F(PreemptionsTest, AProgramThatFailsInsteadOfStoppingCountsAsPreempted) {
  AddWorker("w1");
  const std::string low = Train(0);
  Started(low);
  const std::string high = Train(5);
  EXPECT_TRUE(End(RankOf(low, "a"), "w1", false, "infra", "the disk is full").ok());
  EXPECT_EQ(Attempt(low).state, AttemptState::kPreempted);
  EXPECT_THAT(Attempt(low).failure.error, HasSubstr("while it was stopped: the disk is full"));
  EXPECT_EQ(Job(low, "a").counters.infra_losses, 0);
  EXPECT_EQ(Job(low, "a").counters.preemptions, 1);
  EXPECT_EQ(Job(high, "a").state, JobState::kActive);
}

TEST_F(PreemptionsTest, WhatWasStoppedForACancelledRunGoesOn) {
  AddWorker("w1");
  const std::string low = Train(0);
  const std::string high = Train(5);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(high, tx); }).ok());
  EXPECT_TRUE(Stopped(low, "w1").ok());
  EXPECT_EQ(Attempt(low, 2).state, AttemptState::kOffered);
}

TEST_F(PreemptionsTest, ARestartGoesOnWithWhatIsBeingStopped) {
  AddWorker("w1", 2);
  const std::string low = Train(0);
  clock_.Advance(1);
  const std::string other = Train(0);
  const std::string high = Train(5);
  ASSERT_EQ(Attempt(other).state, AttemptState::kStopping) << "the younger of the two";
  Restart();
  Connect(workers_["w1"]);
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  EXPECT_EQ(WaitsFor(high), "PREEMPTING: it waits for " + other + "/a to stop")
      << "until when, the worker knows";
  EXPECT_EQ(Attempt(low).state, AttemptState::kOffered) << "one is enough";
  EXPECT_TRUE(Stopped(other, "w1").ok());
  EXPECT_EQ(Job(high, "a").state, JobState::kActive);
}

// The waiting line of a job that demands the same is its own.
TEST_F(PreemptionsTest, OnlyTheOneForWhichOthersStopSaysSo) {
  AddWorker("w1");
  Train(0);
  const std::string high = Train(5), low = Train(0);
  Turn();
  EXPECT_THAT(WaitsFor(high), HasSubstr("PREEMPTING"));
  EXPECT_THAT(WaitsFor(low), HasSubstr("WAITING_CAPACITY: all matching slots are taken"));
  // Pools start workers for the other one alone.
  const std::vector<task::Demand> demands = DemandsOf(core_->state());
  ASSERT_EQ(demands.size(), 1U);
  EXPECT_EQ(demands[0].jobs, 1);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(high, tx); }).ok());
  Turn();
  EXPECT_THAT(WaitsFor(high), Not(HasSubstr("PREEMPTING")));
}

TEST_F(PreemptionsTest, ManyAreStoppedInOnePassAndTheRestInTheNext) {
  compare_ = false;
  constexpr int kJobs = 150;
  AddWorker("w1", kJobs);
  std::vector<recipe::JobNode> low, high;
  for (int i = 0; i < kJobs; ++i) {
    low.push_back(Node("l" + std::to_string(i), "train"));
    high.push_back(Node("h" + std::to_string(i), "train"));
  }
  const std::string run = SubmitJobs(low);
  SubmitJobs(high, "", 5);
  const auto stopping = [&] {
    int count = 0;
    for (int i = 0; i < kJobs; ++i) {
      const AttemptKey key{run, "l" + std::to_string(i), 1};
      count += core_->state().FindAttempt(key)->state == AttemptState::kStopping ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(stopping(), 100);
  Turn();
  EXPECT_EQ(stopping(), kJobs);
}

TEST_F(PreemptionsTest, ARunIsPausedOrCancelledWhileItIsBeingStopped) {
  FakeWorker& worker = AddWorker("w1");
  const std::string low = Train(0);
  const std::string high = Train(5);
  ASSERT_EQ(Attempt(low).state, AttemptState::kStopping);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Pause(low, "ada", "", tx); }).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(low, tx); }).ok());
  EXPECT_EQ(worker.sink->newest->ranks.at(0).stop_timeout_ms, Options().cancel_deadline_ms);
  EXPECT_TRUE(End(RankOf(low, "a"), "w1", false, "cancelled", "").ok());
  EXPECT_EQ(core_->state().FindRun(low)->state, RunState::kCancelled);
  EXPECT_EQ(Job(high, "a").state, JobState::kActive);
}

TEST_F(PreemptionsTest, ARetryKeepsWhatItsRunSaid) {
  AddWorker("w1");
  const std::string run = Train(5, /*preempts=*/false);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  const std::string failed = Train(5, /*preempts=*/false);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(failed, tx); }).ok());
  EXPECT_TRUE(End(RankOf(failed, "a"), "w1", false, "cancelled", "").ok());
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto id = Retry(failed, tx);
                if (id.ok()) again = *id;
                return id.status();
              }).ok());
  EXPECT_FALSE(core_->state().FindRun(again)->preempts);
}

}  // namespace
}  // namespace braid::coordinator
