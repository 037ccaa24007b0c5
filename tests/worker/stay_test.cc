// Workers that leave by themselves: when, in which steps, and what the coordinator is told.
#include "worker/agent/stay.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Stage = Stay::Stage;

TEST(StayTest, WithoutLimitsItIsForEver) {
  Stay stay({}, 0);
  stay.Observe(false, 0);
  EXPECT_EQ(stay.StageAt(int64_t{1} << 60), Stage::kOpen);
  EXPECT_EQ(stay.NextWake(1), kNever);
}

TEST(StayTest, IdleTimeCountsFromTheEndOfTheLastWork) {
  Stay stay({.until_idle_ms = 10'000}, 0);
  EXPECT_EQ(stay.NextWake(0), 10'000);
  stay.Observe(true, 4'000);
  EXPECT_EQ(stay.NextWake(4'000), kNever);
  EXPECT_EQ(stay.StageAt(500'000), Stage::kOpen);
  stay.Observe(false, 500'000);
  EXPECT_EQ(stay.StageAt(509'999), Stage::kOpen);
  EXPECT_EQ(stay.NextWake(500'000), 510'000);
  EXPECT_EQ(stay.StageAt(510'000), Stage::kLeave);
  EXPECT_THAT(stay.Why(510'000), HasSubstr("nothing to do for 10 s (--until-idle)"));
}

TEST(StayTest, TheEndOfALongStayIsForHandingBackAndBeforeItNothingIsTaken) {
  constexpr int64_t kHour = 3'600'000;
  Stay stay({.max_time_ms = kHour}, 1'000);
  stay.Observe(true, 1'000);
  EXPECT_EQ(stay.NextWake(1'000), 1'000 + kHour - 180'000);
  EXPECT_EQ(stay.StageAt(1'000 + kHour - 180'001), Stage::kOpen);
  EXPECT_EQ(stay.StageAt(1'000 + kHour - 180'000), Stage::kLastWork);
  EXPECT_EQ(stay.NextWake(1'000 + kHour - 180'000), 1'000 + kHour - 120'000);
  EXPECT_EQ(stay.StageAt(1'000 + kHour - 120'000), Stage::kLeave);
  EXPECT_EQ(stay.LeaveWithinMs(1'000 + kHour - 120'000), 108'000);
  EXPECT_THAT(stay.Why(1'000 + kHour), HasSubstr("its time of 3600 s is nearly up (--max-time)"));
}

TEST(StayTest, OfAShortStayThePartsAreQuarters) {
  Stay stay({.max_time_ms = 40'000}, 0);
  stay.Observe(true, 0);
  EXPECT_EQ(stay.StageAt(19'999), Stage::kOpen);
  EXPECT_EQ(stay.StageAt(20'000), Stage::kLastWork);
  EXPECT_EQ(stay.StageAt(30'000), Stage::kLeave);
  EXPECT_EQ(stay.LeaveWithinMs(30'000), 9'000) << "the rest is for ending the worker";
  EXPECT_EQ(stay.LeaveWithinMs(50'000), 0);
}

TEST(StayTest, WhoTakesNothingMoreAndHasNothingLeaves) {
  Stay stay({.max_time_ms = 40'000}, 0);
  stay.Observe(false, 0);
  EXPECT_EQ(stay.StageAt(20'000), Stage::kLeave);
}

// A worker with a session.
struct Leaving : AgentDriver {
  explicit Leaving(const StayLimits& stay, bool ephemeral = false)
      : AgentDriver(OptionsOf(stay, ephemeral), {}) {
    Connect();
    (void)TakeSignals();
    SetIntervals(/*heartbeat_ms=*/60'000, /*isolation_ms=*/24 * 3'600'000);
    Want({});
    Pass(1'000);
    (void)TakeSignals();
  }
  static Agent::Options OptionsOf(const StayLimits& stay, bool ephemeral) {
    Agent::Options options{"boot-1", {}, {}, "worker-1"};
    options.stay = stay;
    options.ephemeral = ephemeral;
    return options;
  }
  // The program of the rank runs.
  void Run(const RankKey& key) {
    ASSERT_THAT(Take<StartProgram>(), SizeIs(1));
    Started(key);
    AnswerRoutine();
  }
  // It has written its checkpoint, and its end is known to the coordinator.
  void EndOfRank(const RankKey& key) {
    Ended(key);
    AnswerRoutine();
    Answer<ReportEnded>();
    AnswerRoutine();
  }
};

TEST(LeavingTest, AnIdleWorkerDrainsAndEnds) {
  Leaving agent({.until_idle_ms = 30'000});
  agent.Pass(28'999);
  EXPECT_THAT(agent.TakeSignals(), IsEmpty());
  agent.Pass(1);
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1));
  EXPECT_TRUE(signals[0].draining);
  EXPECT_FALSE(signals[0].leaving) << "it keeps its identity";
  EXPECT_TRUE(agent.finished());
  EXPECT_TRUE(agent.Take<Finish>().at(0).status.ok());
}

TEST(LeavingTest, WorkPutsTheEndOff) {
  Leaving agent({.until_idle_ms = 30'000});
  agent.Pass(20'000);
  agent.Want({Train("a")});
  agent.Run(kKey);
  agent.Pass(600'000);
  (void)agent.TakeSignals();
  EXPECT_FALSE(agent.finished());
  agent.EndOfRank(kKey);
  agent.Want({});
  agent.Pass(29'000);
  (void)agent.TakeSignals();
  EXPECT_FALSE(agent.finished());
  agent.Pass(1'000);
  (void)agent.TakeSignals();
  EXPECT_TRUE(agent.finished());
}

TEST(LeavingTest, WithoutACoordinatorAnIdleWorkerLeavesToo) {
  AgentDriver agent(Leaving::OptionsOf({.until_idle_ms = 10'000}, /*ephemeral=*/true), {});
  agent.Pass(11'000);
  EXPECT_TRUE(agent.finished());
}

TEST(LeavingTest, BeforeTheEndOfItsTimeItTakesNothingThenHandsBack) {
  Leaving agent({.max_time_ms = 41'000});
  agent.Want({Train("a")});
  agent.Run(kKey);
  agent.Pass(19'500);  // the last half has begun
  const auto signals = agent.TakeSignals();
  ASSERT_FALSE(signals.empty());
  EXPECT_TRUE(signals.back().draining);
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty()) << "what runs goes on";
  agent.Pass(10'250);
  const auto told = agent.Take<TellProgram>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].control.at("control"), "stop");
  EXPECT_LE(told[0].control.at("deadline_ms").get<int64_t>(), 10'250);
  agent.EndOfRank(kKey);
  EXPECT_TRUE(agent.finished());
}

TEST(LeavingTest, AJobThatCrossesTheDrainIsHandedBackWithoutBeingBegun) {
  Leaving agent({.max_time_ms = 41'000});
  agent.Want({Train("a")});
  agent.Run(kKey);
  agent.Pass(19'499);
  (void)agent.TakeSignals();
  agent.Pass(1);
  // The coordinator has given out another job before it heard that the worker drains.
  agent.Want({Train("a"), Train("b")});
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  EXPECT_THAT(agent.Open<KeepEnd>(), IsEmpty()) << "not before the coordinator knows: it would "
                                                   "give it out here again";
  agent.Pass(50);
  (void)agent.TakeSignals();
  agent.AnswerRoutine();
  const auto ended = agent.Answer<ReportEnded>();
  EXPECT_EQ(ended.key.job, "b");
  EXPECT_EQ(ended.end.failure.category, "preempted");
  EXPECT_THAT(ended.end.failure.error, HasSubstr("stopped before it began"));
  EXPECT_FALSE(agent.finished()) << "the first goes on";
}

TEST(LeavingTest, AnEphemeralWorkerSaysGoodbyeAndWaitsForTheAnswer) {
  Leaving agent({.until_idle_ms = 30'000}, /*ephemeral=*/true);
  agent.Pass(29'000);
  std::vector<Signal> signals = agent.TakeSignals();
  agent.Pass(100);
  for (const Signal& signal : agent.TakeSignals()) signals.push_back(signal);
  ASSERT_THAT(signals, SizeIs(2));
  EXPECT_TRUE(signals[0].draining);
  EXPECT_FALSE(signals[0].leaving);
  EXPECT_TRUE(signals[1].leaving);
  EXPECT_FALSE(agent.finished());
  agent.Want({Train("late")});
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  EXPECT_THAT(agent.Open<KeepEnd>(), IsEmpty()) << "the coordinator takes it back by itself";
  agent.Feed(SessionClosed{agent.session(), Status(StatusCode::kAlreadyExists,
                                                   ErrorReason::kWorkerReplaced, "has left")});
  EXPECT_TRUE(agent.finished());
  EXPECT_TRUE(agent.Take<Finish>().at(0).status.ok());
}

TEST(LeavingTest, AGoodbyeThatNobodyAnswersTakesTwoSeconds) {
  Leaving agent({.until_idle_ms = 30'000}, /*ephemeral=*/true);
  agent.Pass(29'000);
  (void)agent.TakeSignals();
  agent.Pass(1'999);
  (void)agent.TakeSignals();
  EXPECT_FALSE(agent.finished());
  agent.Pass(1);
  EXPECT_TRUE(agent.finished());
}

TEST(LeavingTest, ASecondSignalLeavesLessTime) {
  Leaving agent({});
  agent.Want({Train("a")});
  agent.Run(kKey);
  agent.Feed(StopRequested{100'000});  // a warning
  agent.Pass(1'000);
  (void)agent.TakeSignals();
  const auto told = agent.Take<TellProgram>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].control.at("deadline_ms"), 50'000);
  agent.Feed(StopRequested{});
  agent.Pass(24'999);
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  agent.Pass(1);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
}

// Signal 15 of a batch system that ends all of its job is no failure; that of somebody else is one.
TEST(LeavingTest, AProgramThatSomebodyEndsIsPreemptedOnlyIfItsWorkerEndsToo) {
  constexpr int kTerminate = 15;
  for (const bool worker_stops : {false, true}) {
    Leaving agent({});
    agent.Want({Train("a")});
    agent.Run(kKey);
    if (worker_stops) agent.Feed(StopRequested{});
    agent.Ended(kKey, 0, kTerminate);
    agent.AnswerRoutine();
    const auto ended = agent.Answer<ReportEnded>();
    EXPECT_EQ(ended.end.failure.category, worker_stops ? "preempted" : "infra");
  }
}

}  // namespace
}  // namespace braid::worker
