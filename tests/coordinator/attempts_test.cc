// What workers report of their attempts, and what becomes of gangs and of failures.
#include "coordinator/core/attempts.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(CoreTest, AStaleEpochChangesNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey first = RankOf(run, "a");
  EXPECT_TRUE(End(first, "w1", false, "infra", "a disk fell out").ok());
  EXPECT_EQ(Job(run, "a").epoch, 2);
  const catalog::Image before = core_->state().image();
  const Status checkpoint = Do(
      [&](Transaction& tx) { return CommitCheckpoint(first, 5, Artifact("c", "checkpoint"), tx); });
  EXPECT_EQ(checkpoint.reason(), "STALE_LEASE");
  EXPECT_THAT(checkpoint.message(), HasSubstr(run + "/a#1"));
  EXPECT_EQ(Do([&](Transaction& tx) { return ReportStarted(first, tx); }).reason(), "STALE_LEASE");
  EXPECT_EQ(End({{run, "a", 2}, 0}, "w2", true).reason(), "STALE_LEASE")
      << "leased to another worker";
  EXPECT_TRUE(core_->state().image() == before);
}

TEST_F(CoreTest, AGangGoesOnWhenARankHasEndedWellAndTheCoordinatorWasRestarted) {
  AddWorker("w1");
  AddWorker("w2");
  const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
  for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  const AttemptRecord& attempt = *core_->state().FindAttempt({run, "a", 1});
  ASSERT_THAT(attempt.workers, SizeIs(2));
  const std::string second = attempt.workers[1], first = attempt.workers[0];
  EXPECT_TRUE(End({{run, "a", 1}, 1}, second, true).ok());
  Restart();
  workers_[second].obedient = false;  // it remembers that this rank is done
  for (auto& [id, worker] : workers_) Connect(worker);
  for (int i = 0; i < 3; ++i) {
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kOffered)
      << "rank 0 still writes its model";
  EXPECT_TRUE(End({{run, "a", 1}, 0}, first, true).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
}

TEST_F(CoreTest, AFailedRankEndsItsGangAsAWhole) {
  AddWorker("w1");
  AddWorker("w2");
  const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
  for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  const std::string second = core_->state().FindAttempt({run, "a", 1})->workers[1];
  EXPECT_TRUE(End({{run, "a", 1}, 1}, second, false, "infra", "killed").ok());
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kStopping);
  EXPECT_EQ(Job(run, "a").epoch, 1) << "rank 0 may still run";
  FakeWorker& other = workers_[core_->state().FindAttempt({run, "a", 1})->workers[0]];
  ASSERT_THAT(other.sink->newest->ranks, SizeIs(1));
  EXPECT_TRUE(other.sink->newest->ranks[0].stop);
  EXPECT_TRUE(End({{run, "a", 1}, 0}, other.record.id, false, "cancelled", "stopped").ok());
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->failure.error, "killed");
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(Job(run, "a").counters.infra_losses, 1);
}

// Whatever a worker says: what is stored, listed and sent is a message.
TEST_F(CoreTest, AFailureOfMegabytesIsStoredAsAMessage) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  const std::string said = "rows.jsonl:7: " + std::string(5'000'000, 'x') + " is no number\xE9";
  for (int i = 0; i < 20 && Job(run, "a").state != JobState::kFailed; ++i) {
    clock_.Advance(20'000);
    EXPECT_TRUE(Beat(worker).ok());
    if (Job(run, "a").state != JobState::kActive) continue;
    EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "user", said).ok());
  }
  ASSERT_EQ(Job(run, "a").state, JobState::kFailed);
  for (const std::string& error : {Job(run, "a").error, core_->state().FindRun(run)->error,
                                   core_->state().FindAttempt({run, "a", 1})->failure.error}) {
    EXPECT_THAT(error, HasSubstr("rows.jsonl:7: xxx"));
    EXPECT_THAT(error, HasSubstr("is no number\xEF\xBF\xBD"));
    EXPECT_LT(error.size(), 1700u);
  }
}

TEST_F(CoreTest, TheLastLinesOfADeadProgramAreKeptWithItsAttempt) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EndedCommand command;
  command.rank = RankOf(run, "a");
  command.worker = "w1";
  std::string said;
  for (int i = 0; i < 2000; ++i) said += "line " + std::to_string(i) + "\n";
  command.failure = {"system", "it ended with code 1", "", true, "", said + "the very last"};
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(command, tx); }).ok());
  const std::string kept = core_->state().FindAttempt({run, "a", 1})->failure.log_tail;
  EXPECT_TRUE(kept.ends_with("line 1999\nthe very last"));
  EXPECT_TRUE(kept.starts_with("line ")) << kept.substr(0, 20);
  EXPECT_LE(kept.size(), 4096u);
  EXPECT_GT(kept.size(), 4000u);
}

TEST_F(CoreTest, AStopThatIsAskedForAgainInTheSameWordsIsSeenToEnd) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const AttemptKey attempt = RankOf(run, "a");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  StopAttempt(attempt, catalog::StopReason::kDrain,
                              {"preempted", "drained", "", false}, tx);
                  return OkStatus();
                }).ok());
  }
  ASSERT_TRUE(worker.sink->newest->ranks.at(0).stop);
  // It has acted on that state and its inventory is without the rank: nothing else will be said.
  EXPECT_TRUE(core_->state().attempts.at(attempt).stop_version.contains(0));
}

// The worker says that it has stopped the rank in the very batch in which the stop is asked for
// again, which forgets what the worker was told. It has no more to say.
TEST_F(CoreTest, AStopThatIsAskedForAgainWhileItIsObeyedEndsWithTheNextStep) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const AttemptKey attempt = RankOf(run, "a");
  const auto stop = [&](Transaction& tx) {
    StopAttempt(attempt, catalog::StopReason::kDrain, {"preempted", "drained", "", false}, tx);
    return OkStatus();
  };
  EXPECT_TRUE(Do(stop).ok());
  SignalCommand signal;
  signal.worker = "w1";
  signal.session_id = worker.session;
  signal.applied_version = worker.sink->newest->version;
  const auto heard = Post([&](Transaction& tx) { return Signal(signal, tx); });
  EXPECT_TRUE(Do(stop).ok());
  ASSERT_TRUE(heard->has_value() && (*heard)->ok());
  EXPECT_EQ(core_->state().FindAttempt(attempt)->state, AttemptState::kStopping);
  Turn();
  EXPECT_EQ(core_->state().FindAttempt(attempt)->state, AttemptState::kPreempted);
}

TEST_F(CoreTest, WhatFailsBeforeItsProgramRunsIsTriedWithoutEnd) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(Beat(worker).ok());
    ASSERT_EQ(Job(run, "a").state, JobState::kActive) << i;
    EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra",
                    "fetching model.safetensors: the store answers errors")
                    .ok());
    ASSERT_EQ(Job(run, "a").counters.losses_in_row, 0);
    for (int second = 0; second < 300 && Job(run, "a").state == JobState::kQueued; ++second) {
      clock_.Advance(1'000);
      EXPECT_TRUE(Beat(worker).ok());
    }
  }
  // Then it runs, and is lost as often as three times on one worker: that counts from here.
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra", "killed").ok());
  EXPECT_EQ(Job(run, "a").counters.losses_in_row, 1);
}

TEST_F(CoreTest, ADigestThatIsWrongOnOneWorkerSendsTheJobToAnother) {
  FakeWorker& first = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(first).ok());
  AddWorker("w2");
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "system", "blob abc: DIGEST_MISMATCH").ok());
  ASSERT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_THAT(core_->state().FindAttempt(RankOf(run, "a"))->workers, ElementsAre("w2"));
}

TEST_F(CoreTest, MachinesThatLackAPluginDoNotEndAJobThatAFourthCanRun) {
  for (const char* worker : {"w1", "w2", "w3", "w4"}) AddWorker(worker);
  const std::string run = SubmitJobs({Node("a", "prepare")});
  std::set<std::string> tried;
  for (int i = 0; i < 60 && tried.size() < 4; ++i) {
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
    clock_.Advance(5'000);
    if (Job(run, "a").state != JobState::kActive) continue;
    const std::string worker = core_->state().FindAttempt(RankOf(run, "a"))->workers[0];
    EXPECT_TRUE(tried.insert(worker).second) << worker << " is tried again";
    if (tried.size() == 4) break;
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
    EXPECT_TRUE(End(RankOf(run, "a"), worker, false, "infra", "no pyarrow", "PLUGIN_MISSING",
                    /*deterministic=*/true)
                    .ok());
  }
  EXPECT_EQ(tried.size(), 4u);
  EXPECT_EQ(Job(run, "a").state, JobState::kActive) << Job(run, "a").error;
}

TEST_F(CoreTest, ABackOffEndsAlsoWhenTheWallClockIsSetBack) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_TRUE(Beat(worker).ok());
    EXPECT_TRUE(End({{run, "a", epoch}, 0}, "w1", false, "infra", "lost").ok());
    if (Job(run, "a").not_before_ms > 0) break;
  }
  ASSERT_GT(Job(run, "a").not_before_ms, clock_.WallMs());
  clock_.JumpWall(-7'200'000);
  Turn();
  EXPECT_EQ(Job(run, "a").state, JobState::kActive) << "not in two hours";
}

TEST_F(CoreTest, ABackOffIsSaidAlsoWhenTheWallClockMakesItBeginAgain) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_TRUE(Beat(worker).ok());
    EXPECT_TRUE(End({{run, "a", epoch}, 0}, "w1", false, "infra", "lost").ok());
    if (Job(run, "a").not_before_ms > 0) break;
  }
  const int64_t wait_ms = Job(run, "a").not_before_ms - clock_.WallMs();
  ASSERT_GT(wait_ms, 0);
  const auto waits = [&] {
    Turn();
    return core_->state().PendingOf(Job(run, "a"))->reason == scheduler::Reason::kBackoff;
  };
  Disconnect(worker);  // nobody else could run it
  EXPECT_TRUE(waits());
  clock_.Advance(wait_ms);
  EXPECT_FALSE(waits());
  clock_.JumpWall(-1);
  EXPECT_TRUE(waits());
  clock_.JumpWall(-scheduler::kMaxBackoffMs);
  EXPECT_FALSE(waits()) << "it never takes so long";
  clock_.JumpWall(1);
  EXPECT_TRUE(waits());
}

}  // namespace
}  // namespace braid::coordinator
