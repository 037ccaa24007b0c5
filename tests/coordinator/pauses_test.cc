// Runs that are paused and go on.
#include "coordinator/core/pauses.h"

#include "coordinator/api/pools.h"
#include "task/job_kind.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PausesTest : public CoreTest {
 protected:
  Status PauseRun(const std::string& run, const std::string& by = "ada",
                  const std::string& reason = "the GPUs are needed") {
    return Do([&](Transaction& tx) { return Pause(run, by, reason, tx); });
  }
  Status ResumeRun(const std::string& run) {
    return Do([&](Transaction& tx) { return Resume(run, "bob", tx); });
  }
  // A run of a training that runs, and one after it.
  std::string Start(FakeWorker& worker, int64_t run_limit_s = 0) {
    SubmitCommand command = CommandOf(
        {Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
    command.dag.max_duration_s = run_limit_s;
    const std::string run = SubmitTaken(command);
    EXPECT_TRUE(Beat(worker).ok());
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
    return run;
  }
  void Pass(int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 5'000) {
      clock_.Advance(std::min<int64_t>(left, 5'000));
      for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
    }
  }
  const AttemptRecord& Attempt(const std::string& run, const std::string& job, int64_t epoch = 1) {
    return *core_->state().FindAttempt({run, job, epoch});
  }
  const RunRecord& Run(const std::string& run) { return *core_->state().FindRun(run); }
  std::string WaitsFor(const std::string& run, const std::string& job) {
    const auto pending = core_->state().PendingOf(Job(run, job));
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

TEST_F(PausesTest, WhatRunsStopsWithACheckpointAndGoesOnFromIt) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_EQ(Attempt(run, "a").state, AttemptState::kStopping);
  const Assignment& told = worker.sink->newest->ranks.at(0);
  EXPECT_TRUE(told.stop);
  EXPECT_EQ(told.stop_timeout_ms, Options().drain_deadline_ms) << "it may write a checkpoint";
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(run, "a"), 7, Artifact("c", "checkpoint"), tx);
              }).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Attempt(run, "a").state, AttemptState::kPreempted);
  EXPECT_EQ(Attempt(run, "a").failure.error, "the run was paused by ada: the GPUs are needed");
  Pass(60'000);
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  EXPECT_EQ(Job(run, "a").epoch, 1) << "it is granted nothing";
  EXPECT_EQ(WaitsFor(run, "a"), "RUN_PAUSED: the run was paused by ada: the GPUs are needed");
  EXPECT_EQ(Job(run, "a").counters.user_failures, 0);
  EXPECT_EQ(Job(run, "a").counters.infra_losses, 0);
  ASSERT_TRUE(ResumeRun(run).ok());
  EXPECT_EQ(Attempt(run, "a", 2).resumed_step, 7);
  EXPECT_EQ(Run(run).paused_before_ms, 60'000);
  EXPECT_THAT(Events(run), Contains("run.paused by ada: the GPUs are needed"));
  EXPECT_THAT(Events(run), Contains("attempt.stopping pause: the run was paused by ada: the GPUs "
                                    "are needed"));
  EXPECT_THAT(Events(run), Contains("run.resumed by bob"));
}

TEST_F(PausesTest, OthersRunMeanwhile) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  const std::string other = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  ASSERT_EQ(Job(run, "b").epoch, 1) << "the older run goes first";
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_TRUE(End(RankOf(run, "b"), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Job(other, "a").state, JobState::kActive);
  EXPECT_EQ(Job(run, "b").state, JobState::kQueued);
}

// A merge that is stopped would begin anew.
TEST_F(PausesTest, JobsWithoutCheckpointsRunToTheirEnd) {
  AddWorker("w1");
  const std::string run = SubmitJobs(
      {Node("m", "merge"), Node("t", "train", {{"init", {"m", "model", "", ""}}})});
  ASSERT_EQ(Job(run, "m").state, JobState::kActive);
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_EQ(Attempt(run, "m").state, AttemptState::kOffered);
  EXPECT_TRUE(End(RankOf(run, "m"), "w1", true).ok());
  Pass(5'000);
  EXPECT_EQ(Job(run, "t").state, JobState::kQueued);
  EXPECT_EQ(WaitsFor(run, "t"), "RUN_PAUSED: the run was paused by ada: the GPUs are needed");
  std::set<std::string> stopped;
  AttemptRecord running;
  running.state = AttemptState::kRunning;
  for (const std::string& kind : WordsOf(task::JobKind())) {
    if (StopsForPause(kind, running)) stopped.insert(kind);
  }
  EXPECT_EQ(stopped, (std::set<std::string>{"train", "joint", "evaluate"}));
}

TEST_F(PausesTest, ARunWhoseLastJobEndsIsNotPausedAnyMore) {
  AddWorker("w1");
  const std::string run = SubmitJobs({Node("m", "merge")});
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_TRUE(End(RankOf(run, "m"), "w1", true).ok());
  EXPECT_EQ(Run(run).state, RunState::kSucceeded);
  EXPECT_EQ(Run(run).paused_ms, 0);
  EXPECT_EQ(Run(run).pause_reason, "");
}

TEST_F(PausesTest, ARestartChangesNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  ASSERT_TRUE(PauseRun(run).ok());
  Restart();
  Connect(workers_["w1"]);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(worker.sink->newest->ranks.at(0).stop) << "it is still to stop";
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "preempted", "stopped").ok());
  Restart();
  Connect(workers_["w1"]);
  Pass(60'000);
  EXPECT_EQ(WaitsFor(run, "a"), "RUN_PAUSED: the run was paused by ada: the GPUs are needed");
  EXPECT_EQ(Job(run, "a").epoch, 1);
  ASSERT_TRUE(ResumeRun(run).ok());
  EXPECT_EQ(Job(run, "a").epoch, 2);
}

TEST_F(PausesTest, AgainItStaysAsItIs) {
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_TRUE(PauseRun(run).ok());
  clock_.Advance(1'000);
  EXPECT_TRUE(PauseRun(run, "eve", "another reason").ok());
  EXPECT_EQ(Run(run).pause_reason, "the GPUs are needed");
  EXPECT_EQ(Run(run).paused_ms, clock_.WallMs() - 1'000);
  EXPECT_TRUE(ResumeRun(run).ok());
  EXPECT_TRUE(ResumeRun(run).ok());
  const auto events = Events(run);
  EXPECT_EQ(std::count(events.begin(), events.end(), "run.resumed by bob"), 1);
}

TEST_F(PausesTest, WhatCannotBePausedSaysWhy) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  EXPECT_EQ(PauseRun("r-9").message(), "there is no run r-9");
  EXPECT_EQ(ResumeRun("r-9").message(), "there is no run r-9");
  EXPECT_EQ(PauseRun(run, "", "two\nlines").message(),
            "the reason of a pause is one line without control characters");
  EXPECT_EQ(PauseRun(run, "", std::string(801, 'x')).message(),
            "the reason of a pause has 801 bytes: at most 800");
  EXPECT_EQ(PauseRun(run, std::string(256, 'x'), "").message(),
            "the user's name has 256 bytes: at most 255");
  EXPECT_EQ(PauseRun(run, "\x1b[31m", "").message(),
            "the user's name is one line without control characters");
  EXPECT_EQ(Run(run).paused_ms, 0);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  EXPECT_EQ(PauseRun(run).message(),
            "run " + run + " is being cancelled: there is nothing left to pause");
  EXPECT_EQ(ResumeRun(run).message(),
            "run " + run + " is being cancelled: there is nothing left to resume");
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "cancelled", "").ok());
  EXPECT_EQ(PauseRun(run).message(),
            "run " + run + " has ended (CANCELLED): there is nothing left to pause");
  EXPECT_EQ(ResumeRun(run).message(),
            "run " + run + " has ended (CANCELLED): there is nothing left to resume");
  EXPECT_EQ(PauseRun(run).reason(), "TERMINAL_STATE");
}

TEST_F(PausesTest, ThePausesOfARunAreNoPartOfItsTime) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker, 60);
  Pass(40'000);
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "preempted", "stopped").ok());
  Pass(100'000);
  ASSERT_EQ(Run(run).state, RunState::kActive);
  ASSERT_TRUE(ResumeRun(run).ok());
  Pass(15'000);
  ASSERT_EQ(Attempt(run, "a", 2).state, AttemptState::kOffered);
  Pass(5'000);
  EXPECT_EQ(Attempt(run, "a", 2).state, AttemptState::kStopping);
  EXPECT_EQ(Attempt(run, "a", 2).failure.error,
            "the run was submitted 1 min 00 s ago, its pauses left out, which is as long as it may "
            "take (max_duration.run)");
}

TEST_F(PausesTest, APausedRunCanBeCancelledAndARetryIsNotPaused) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  EXPECT_EQ(worker.sink->newest->ranks.at(0).stop_timeout_ms, Options().cancel_deadline_ms);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "cancelled", "").ok());
  EXPECT_EQ(Run(run).state, RunState::kCancelled);
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto id = Retry(run, tx);
                if (id.ok()) again = *id;
                return id.status();
              }).ok());
  EXPECT_EQ(Run(again).paused_ms, 0);
  EXPECT_EQ(Job(again, "a").state, JobState::kActive);
}

TEST_F(PausesTest, PoolsStartNoWorkersForIt) {
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_THAT(DemandsOf(core_->state()), ::testing::SizeIs(1));
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_THAT(DemandsOf(core_->state()), IsEmpty());
  ASSERT_TRUE(ResumeRun(run).ok());
  EXPECT_THAT(DemandsOf(core_->state()), ::testing::SizeIs(1));
}

TEST_F(PausesTest, AGangStopsAsAWhole) {
  AddWorker("w1", 2);
  const std::string run = SubmitJobs({Node("a", "joint", {}, 2)});
  ASSERT_EQ(Job(run, "a").state, JobState::kActive);
  ASSERT_TRUE(PauseRun(run).ok());
  EXPECT_TRUE(End(RankOf(run, "a", 1), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Attempt(run, "a").state, AttemptState::kStopping);
  EXPECT_TRUE(End(RankOf(run, "a", 0), "w1", false, "preempted", "stopped").ok());
  EXPECT_EQ(Attempt(run, "a").state, AttemptState::kPreempted);
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
}

// What a program says that fails while it is stopped is not lost.
TEST_F(PausesTest, TheLastWordsOfAProgramThatIsStoppedAreKept) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = Start(worker);
  ASSERT_TRUE(PauseRun(run).ok());
  EndedCommand ended;
  ended.rank = RankOf(run, "a");
  ended.worker = "w1";
  ended.failure = {"infra", "the disk is full", "", false, "", "step 7\nno room\n"};
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  EXPECT_EQ(Attempt(run, "a").failure.error,
            "the run was paused by ada: the GPUs are needed; while it was stopped: the disk is "
            "full");
  EXPECT_EQ(Attempt(run, "a").failure.log_tail, "step 7\nno room\n");
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  EXPECT_EQ(Job(run, "a").counters.infra_losses, 0);
}

}  // namespace
}  // namespace braid::coordinator
