// Which ranks a worker starts, stops and drops, and which GPUs they see.
#include "worker/agent/ranks.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Assignment OnGpu(const std::string& job, int64_t epoch = 1) {
  Assignment assignment = Train(job, epoch);
  assignment.device = Device::kCuda;
  return assignment;
}

struct Connected : AgentDriver {
  explicit Connected(std::vector<std::string> gpus = {}) : AgentDriver(std::move(gpus)) {
    Connect();
    (void)TakeSignals();
  }
  std::vector<RankKey> TakeStarted() {
    std::vector<RankKey> keys;
    for (const StartProgram& start : Take<StartProgram>()) keys.push_back(start.assignment.key);
    return keys;
  }
  // The inventory of the last signal within the next heartbeat.
  std::vector<RankKey> Inventory() {
    Pass(desired().heartbeat_interval_ms);
    std::vector<RankKey> keys;
    const Signal last = TakeSignals().back();
    for (const RankStatus& rank : last.ranks) keys.push_back(rank.key);
    return keys;
  }
};

const RankKey kA1{"r", "a", 1, 0}, kA2{"r", "a", 2, 0}, kB1{"r", "b", 1, 0};

TEST(RanksTest, StartsWhatIsWantedOnceHoweverOftenItIsSaid) {
  Connected agent;
  agent.Want({Train("a")});
  EXPECT_THAT(agent.TakeStarted(), ElementsAre(kA1));
  for (int i = 0; i < 3; ++i) agent.Want({Train("a")});
  agent.Feed(DesiredArrived{agent.session(), agent.desired()});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
  EXPECT_THAT(agent.Inventory(), ElementsAre(kA1));
}

TEST(RanksTest, ANewRankIsInTheVerySignalThatHasSeenIt) {
  Connected agent;
  agent.SetIntervals(60'000, 3'600'000);
  agent.Want({Train("a")});
  agent.Pass(100);
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1)) << "soon, not with the next heartbeat";
  EXPECT_EQ(signals[0].applied_version, 1);
  EXPECT_THAT(signals[0].ranks, SizeIs(1));
}

TEST(RanksTest, ACancelThatOvertakesItsStartStartsNothing) {
  Connected agent;
  agent.Want({});
  agent.Feed(DesiredArrived{agent.session(), agent.desired()});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
  EXPECT_THAT(agent.Inventory(), IsEmpty());
}

TEST(RanksTest, AStateThatComesLateIsNotActedOn) {
  Connected agent;
  agent.Want({Train("a")});
  const DesiredState late = agent.desired();
  (void)agent.TakeStarted();
  agent.Started(kA1);
  agent.Want({});
  agent.Ended(kA1, 0, 9);
  agent.AnswerRoutine();
  ASSERT_TRUE(agent.idle());
  agent.Feed(DesiredArrived{agent.session(), late});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
}

TEST(RanksTest, WhatIsNotWantedIsKilledAndTheNextWaitsUntilItsProgramIsGone) {
  Connected agent;
  agent.Want({Train("a", 1)});
  (void)agent.TakeStarted();
  agent.Started(kA1);
  agent.Want({Train("a", 2)});
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
  agent.Pass(100);
  const auto signals = agent.TakeSignals();
  EXPECT_THAT(signals.back().ranks, ElementsAre(Field(&RankStatus::key, kA2)))
      << "or it would be missed";
  agent.Ended(kA1, 0, 9);
  EXPECT_THAT(agent.TakeStarted(), ElementsAre(kA2));
}

TEST(RanksTest, AProgramThatTheKernelHoldsIsNotWaitedForForEver) {
  Connected agent;
  agent.Want({Train("a", 1)});
  agent.Want({Train("a", 2)});
  (void)agent.TakeStarted();
  agent.Pass(5'000);
  EXPECT_THAT(agent.TakeStarted(), ElementsAre(kA2));
}

TEST(RanksTest, WhatHasEndedIsNotStartedAgain) {
  Connected agent;
  agent.Want({Train("a")});
  (void)agent.TakeStarted();
  agent.Started(kA1);
  agent.Ended(kA1, 1);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
  agent.Want({Train("a")});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
  agent.Want({Train("a", 2)});
  EXPECT_THAT(agent.TakeStarted(), ElementsAre(kA2));
}

TEST(RanksTest, ADrainingWorkerStartsNothing) {
  Connected agent;
  agent.Feed(StopRequested{});
  agent.Want({Train("a")});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
}

TEST(RanksTest, AStopGivesRanksTimeForACheckpointAndThenKills) {
  Connected agent;
  agent.Want({Train("a"), Train("b")});
  agent.Started(kA1);
  agent.Started(kB1);
  agent.Pass(1'000);
  (void)agent.TakeSignals();
  agent.Feed(StopRequested{});
  agent.Pass(50);
  (void)agent.TakeSignals();
  const auto stops = agent.Take<TellProgram>();
  ASSERT_THAT(stops, SizeIs(2));
  EXPECT_EQ(stops[0].control, (Json{{"control", "stop"}, {"deadline_ms", 25'000}}));
  agent.AnswerRoutine();
  agent.Ended(kA1);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  EXPECT_FALSE(agent.finished());
  agent.Pass(24'999);
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  agent.Pass(1);
  EXPECT_THAT(agent.Take<KillProgram>(), Contains(Field(&KillProgram::key, kB1)));
  EXPECT_FALSE(agent.finished());
  agent.Ended(kB1, 0, 9);
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.finished());
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
}

TEST(RanksTest, AnIsolatedWorkerStopsWhatRunsAndKeepsDialling) {
  Connected agent;
  agent.SetIntervals(2'000, /*isolation_ms=*/60'000);
  agent.Want({Train("a")});
  agent.Started(kA1);
  agent.Feed(SessionClosed{agent.session(), Unavailable("cut")});
  agent.Pass(60'000);
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty());
  agent.Pass(1);
  const auto stops = agent.Take<TellProgram>();
  ASSERT_THAT(stops, SizeIs(1));
  EXPECT_EQ(stops[0].control, (Json{{"control", "stop"}, {"deadline_ms", 60'000}}));
  bool said = false;
  for (const LogLine& line : agent.Take<LogLine>()) said |= line.text.starts_with("cut off");
  EXPECT_TRUE(said);
  agent.Pass(600'000);
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty()) << "once";
  EXPECT_FALSE(agent.finished());
  agent.Connect();
  EXPECT_THAT(agent.TakeSignals().back().ranks, SizeIs(1));
}

TEST(RanksTest, AStreamThatIsOpenAndSilentIsIsolationToo) {
  Connected agent;
  agent.SetIntervals(2'000, 60'000);
  agent.Want({Train("a")});
  agent.Started(kA1);
  agent.Pass(60'001);
  EXPECT_THAT(agent.Take<TellProgram>(), SizeIs(1));
}

TEST(RanksTest, GpusAreGivenOnceAndFreeWhenTheirProgramIsGone) {
  Connected agent({"GPU-1", "GPU-2"});
  agent.Want({OnGpu("a"), OnGpu("b"), OnGpu("c")});
  const auto starts = agent.Take<StartProgram>();
  ASSERT_THAT(starts, SizeIs(2));
  EXPECT_THAT(starts[0].gpus, ElementsAre("GPU-1"));
  EXPECT_THAT(starts[1].gpus, ElementsAre("GPU-2"));
  agent.AnswerRoutine();
  EXPECT_EQ(agent.Answer<ReportEnded>().end.failure.error, "0 of 1 GPUs are free on this worker");
  agent.Want({OnGpu("b"), OnGpu("a", 2)});
  EXPECT_THAT(agent.TakeStarted(), IsEmpty());
  agent.Ended(kA1, 0, 9);
  EXPECT_THAT(agent.Take<StartProgram>().at(0).gpus, ElementsAre("GPU-1"));
}

TEST(RanksTest, AGpuThatIsAnotherWorkersIsNotTakenAndThatIsSaidOnce) {
  Connected agent({"GPU-1", "GPU-2"});
  const std::vector<RefusedGpu> refused = {{"GPU-1", "GPU GPU-1 is not used: another has it"}};
  agent.Want({OnGpu("a")}, refused);
  EXPECT_THAT(agent.Take<StartProgram>().at(0).gpus, ElementsAre("GPU-2"));
  agent.Want({OnGpu("a")}, refused);
  auto lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0].text, HasSubstr("GPU-1 is not used"));
  agent.Want({OnGpu("a")});
  lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].text, "all announced GPUs are this worker's now");
}

}  // namespace
}  // namespace braid::worker
