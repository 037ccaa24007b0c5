// Programs that run and get no further.
#include "coordinator/core/watchdog.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class WatchdogTest : public CoreTest {
 protected:
  WatchdogTest() { compare_ = false; }

  // A job that runs on a worker of another site, whose leases outlast a short silence.
  void Start(const std::string& kind, const Json& train) {
    FakeWorker& worker = AddWorker("w");
    worker.record.site = "far";
    Connect(worker);
    recipe::JobNode node = Node("path", kind);
    node.spec = Json{{"train", train}};
    run_ = SubmitJobs({node});
    ASSERT_TRUE(Beat(worker).ok());
    ASSERT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run_, "path"), tx); }).ok());
  }
  // So many heartbeats, five seconds apart, each of which says that the program is at this step.
  void BeatAt(int64_t step, int times = 1) {
    FakeWorker& worker = workers_["w"];
    worker.progress = task::Progress{"training", "steps", step, 100, -1, -1, 1};
    BeatAsBefore(times);
  }
  void BeatAsBefore(int times) {
    for (int i = 0; i < times; ++i) {
      clock_.Advance(5'000);
      ASSERT_TRUE(Beat(workers_["w"]).ok());
    }
  }
  const AttemptRecord& Attempt() { return *core_->state().FindAttempt({run_, "path", 1}); }
  bool Stopped() { return Attempt().state != AttemptState::kRunning; }

  std::string run_;
};

TEST_F(WatchdogTest, AProgramThatMakesNoStepIsStoppedAndItsJobTriedAgain) {
  Start("train", {{"stall_timeout", 60}});
  BeatAt(40, 12);
  ASSERT_FALSE(Stopped());
  BeatAt(40, 1);
  ASSERT_EQ(Attempt().state, AttemptState::kStopping);
  ASSERT_EQ(workers_["w"].sink->newest->ranks.size(), 1u);
  EXPECT_TRUE(workers_["w"].sink->newest->ranks[0].stop);
  EXPECT_EQ(workers_["w"].sink->newest->ranks[0].stop_timeout_ms, 0) << "it has nothing to save";
  // Its worker has killed it.
  EndedCommand ended;
  ended.rank = {{run_, "path", 1}, 0};
  ended.worker = "w";
  ended.failure = {"preempted", "did not stop in its time and was killed",
                   "",          false,
                   "",          "step 40\nwaiting for a lock\n"};
  ASSERT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  EXPECT_EQ(Attempt().state, AttemptState::kFailed);
  EXPECT_EQ(Attempt().failure.category, "infra");
  EXPECT_EQ(Attempt().failure.error,
            "no step for 1 min 00 s (training, 40 of 100 steps): the program was stopped; its last "
            "lines: step 40\nwaiting for a lock");
  EXPECT_EQ(Attempt().failure.log_tail, "step 40\nwaiting for a lock\n");
  EXPECT_THAT(Attempt().failure.hint, HasSubstr("train.stall_timeout"));
  EXPECT_EQ(Job(run_, "path").counters.infra_losses, 1);
  const auto events = store_.ReadEvents({0, run_, 100, true}).value();
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const catalog::EventRecord& event) {
    return event.kind == "attempt.failed" &&
           event.detail.find("waiting for a lock") != std::string::npos;
  }));
  clock_.Advance(600'000);
  ASSERT_TRUE(Beat(workers_["w"]).ok());
  EXPECT_EQ(Job(run_, "path").epoch, 2) << "it is tried again";
}

TEST_F(WatchdogTest, EachStepBeginsAnewAndALongOneMakesPatient) {
  Start("train", {{"stall_timeout", 60}});
  for (int64_t step = 1; step < 30; ++step) BeatAt(step, 10);
  EXPECT_FALSE(Stopped()) << "50 s for each step";
  BeatAt(30, 29);
  EXPECT_FALSE(Stopped()) << "three times that are not over";
  BeatAt(30, 3);
  EXPECT_TRUE(Stopped());
}

TEST_F(WatchdogTest, AProgramThatNeverSaysAnythingIsStoppedToo) {
  Start("joint", {{"stall_timeout", 60}});
  BeatAsBefore(12);
  ASSERT_FALSE(Stopped());
  BeatAsBefore(2);
  ASSERT_TRUE(Stopped());
  EXPECT_THAT(Attempt().failure.error, HasSubstr("(since it was started)"));
}

TEST_F(WatchdogTest, OutputsOfAFinishedTrainingMayTakeLongToSend) {
  Start("train", {{"stall_timeout", 60}});
  BeatAt(100, 50);
  EXPECT_FALSE(Stopped());
}

// A worker that was cut off, or slept, comes back with a program that may be about to make a step.
TEST_F(WatchdogTest, TimeInWhichNothingWasHeardDoesNotCount) {
  Start("train", {{"stall_timeout", 60}});
  BeatAt(40, 8);
  for (int i = 0; i < 2; ++i) {
    clock_.Advance(400'000);
    Connect(workers_["w"]);
    ASSERT_TRUE(Beat(workers_["w"]).ok());
    EXPECT_FALSE(Stopped()) << i;
    BeatAt(41 + i, 8);
  }
  EXPECT_FALSE(Stopped());
}

TEST_F(WatchdogTest, ACoordinatorThatWasRestartedCountsFromTheBeginning) {
  Start("train", {{"stall_timeout", 60}});
  BeatAt(40, 10);
  Restart();
  Connect(workers_["w"]);
  BeatAt(40, 10);
  EXPECT_FALSE(Stopped());
  BeatAt(40, 4);
  EXPECT_TRUE(Stopped());
}

TEST_F(WatchdogTest, WhoWantsNoWatchdogHasNone) {
  Start("train", {{"stall_timeout", 0}});
  BeatAt(40, 2'000);
  EXPECT_FALSE(Stopped());
}

TEST_F(WatchdogTest, JobsWithoutStepsAreNotWatched) {
  Start("prepare", Json::object());
  BeatAt(40, 2'000);
  EXPECT_FALSE(Stopped());
}

TEST_F(WatchdogTest, ARecipeThatSaysNothingMeansAnHour) {
  const auto timeout_ms = [](const std::string& kind, const Json& spec) {
    SubmitCommand command;
    command.dag.jobs = {Node("path", kind)};
    command.dag.jobs[0].spec = spec;
    return StallTimeoutMs(JobsOfDag(command, "r-1", State(), 0).value().at(0));
  };
  EXPECT_EQ(timeout_ms("train", {{"train", {{"batch", 4}}}}), 3'600'000);
  EXPECT_EQ(timeout_ms("joint", Json::object()), 3'600'000);
  EXPECT_EQ(timeout_ms("train", {{"train", {{"stall_timeout", 7}}}}), 7'000);
  EXPECT_GT(timeout_ms("train", {{"train", {{"stall_timeout", INT64_MAX}}}}), 0);
  EXPECT_EQ(timeout_ms("merge", {{"train", {{"stall_timeout", 7}}}}), 0);
}

}  // namespace
}  // namespace braid::coordinator
