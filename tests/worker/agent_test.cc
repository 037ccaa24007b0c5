// The worker's decisions about its session, and about its own end.
#include "worker/agent/agent.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

Status Refused() {
  return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                "worker id w is that of another");
}

TEST(AgentTest, DialsAtOnceAndSaysHelloFirst) {
  AgentDriver agent;
  agent.Connect();
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1));
  EXPECT_TRUE(signals[0].hello);
  EXPECT_THAT(signals[0].ranks, IsEmpty());
}

TEST(AgentTest, TriesDoubleTheirDistanceAndStartAgainAfterContact) {
  AgentDriver agent;
  const auto wait_after_failure = [&] {
    const int64_t failed_ms = agent.now_ms();
    std::vector<OpenSession> dialled;
    while ((dialled = agent.Take<OpenSession>()).empty()) agent.Pass(1);
    agent.Feed(SessionClosed{dialled[0].session, kAway});
    return agent.now_ms() - failed_ms;
  };
  EXPECT_EQ(wait_after_failure(), 0);
  for (const int64_t bound : {100, 200, 400, 800, 1600, 3200, 5000, 5000})
    EXPECT_THAT(wait_after_failure(), AllOf(Ge(bound / 2), Le(bound)));
  // A session in which the coordinator said nothing does not count as contact.
  agent.Feed(SessionClosed{agent.Connect(), kAway});
  EXPECT_THAT(wait_after_failure(), Ge(2500));
  agent.Connect();
  agent.Want({});
  agent.Feed(SessionClosed{agent.session(), kAway});
  EXPECT_THAT(wait_after_failure(), AllOf(Ge(50), Le(100)));
}

TEST(AgentTest, HeartbeatsComeAsOftenAsTheCoordinatorAsks) {
  AgentDriver agent;
  agent.Connect();
  EXPECT_THAT(agent.TakeSignals(), SizeIs(1));
  agent.SetIntervals(/*heartbeat_ms=*/2'000, /*isolation_ms=*/3'600'000);
  agent.Want({});
  int beats = 0;
  for (int second = 0; second < 20; ++second) {
    agent.Pass(1'000);
    for (const Signal& signal : agent.TakeSignals()) {
      ++beats;
      EXPECT_FALSE(signal.hello);
      EXPECT_EQ(signal.applied_version, 1);
    }
  }
  EXPECT_EQ(beats, 10);
}

TEST(AgentTest, ASignalThatIsNotSentYetHoldsUpTheNext) {
  AgentDriver agent;
  agent.Connect();
  ASSERT_THAT(agent.Take<SendSignal>(), SizeIs(1));
  agent.Pass(60'000);
  EXPECT_THAT(agent.Take<SendSignal>(), IsEmpty());
  agent.Feed(SignalSent{agent.session()});
  EXPECT_THAT(agent.Take<SendSignal>(), SizeIs(1));
}

TEST(AgentTest, ANewSessionSaysHelloAgainAndHasSeenNothing) {
  AgentDriver agent;
  agent.Connect();
  (void)agent.TakeSignals();
  agent.Want({});
  const int64_t first = agent.session();
  agent.Feed(SessionClosed{first, kAway});
  agent.Connect();
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1));
  EXPECT_TRUE(signals[0].hello);
  EXPECT_EQ(signals[0].applied_version, 0);
  // What was on its way in the old session is not this one's.
  agent.Feed(DesiredArrived{first, {.version = 9, .ranks = {Train("old")}}});
  agent.Feed(SessionClosed{first, kAway});
  agent.Pass(500);
  for (const Signal& signal : agent.TakeSignals()) EXPECT_THAT(signal.ranks, IsEmpty());
}

TEST(AgentTest, WhatIsCachedIsSaidInEverySessionAndWhenItChanges) {
  AgentDriver agent({}, {"artifact-1"});
  agent.Connect();
  EXPECT_THAT(*agent.TakeSignals().at(0).cached, ElementsAre("artifact-1"));
  Assignment assignment = Train("a");
  assignment.inputs = {{"data", "artifact-2"}};
  agent.Want({assignment});
  agent.Pass(100);
  for (const Signal& signal : agent.TakeSignals()) EXPECT_FALSE(signal.cached.has_value());
  agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{true, {}});
  agent.Pass(100);
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1)) << "at once: a job that waits may be for here";
  EXPECT_THAT(*signals[0].cached, ElementsAre("artifact-1", "artifact-2"));
  agent.Feed(SessionClosed{agent.session(), kAway});
  agent.Connect();
  EXPECT_THAT(*agent.TakeSignals().at(0).cached, SizeIs(2));
}

TEST(AgentTest, WhatIsCachedIsNotSaidBeforeItIsKnown) {
  Agent agent({"boot-1", {}}, 0);
  (void)agent.Handle(TimerFired{}, 0);
  for (const Effect& effect : agent.Handle(SessionOpened{1}, 1)) {
    if (const auto* send = std::get_if<SendSignal>(&effect)) {
      EXPECT_FALSE(send->signal.cached.has_value());
    }
  }
}

TEST(AgentTest, AReplacedWorkerKillsWhatRunsAndEnds) {
  AgentDriver agent;
  agent.Connect();
  agent.Feed(SessionClosed{agent.session(), Status(StatusCode::kAlreadyExists,
                                                   ErrorReason::kWorkerReplaced, "taken over")});
  const auto finish = agent.Take<Finish>();
  ASSERT_THAT(finish, SizeIs(1));
  EXPECT_EQ(finish[0].status.reason(), "WORKER_REPLACED");
  agent.Pass(60'000);
  EXPECT_THAT(agent.Take<OpenSession>(), IsEmpty());
}

TEST(AgentTest, AWorkerWhoseIdIsTakenTriesForTwentySeconds) {
  AgentDriver agent;
  const int64_t began_ms = agent.now_ms();
  while (!agent.finished()) agent.Feed(SessionClosed{agent.Connect(), Refused()});
  EXPECT_THAT(agent.now_ms() - began_ms, AllOf(Ge(20'000), Le(25'100)));
  EXPECT_EQ(agent.Take<Finish>().at(0).status.code(), StatusCode::kAlreadyExists);
}

TEST(AgentTest, ARefusalThatEndsCountsFromTheBeginningAgain) {
  AgentDriver agent;
  for (int i = 0; i < 20; ++i) {
    agent.Feed(SessionClosed{agent.Connect(), Refused()});
    agent.Pass(15'000);
    agent.Feed(SessionClosed{agent.Connect(), kAway});
  }
  EXPECT_FALSE(agent.finished());
}

TEST(AgentTest, AStopIsAnnouncedBeforeItEndsTheWorker) {
  AgentDriver agent;
  agent.Connect();
  (void)agent.TakeSignals();
  agent.SetIntervals(60'000, 3'600'000);
  agent.Want({});
  agent.Pass(1'000);
  (void)agent.TakeSignals();
  agent.Feed(StopRequested{});
  EXPECT_FALSE(agent.finished());
  const auto sent = agent.Take<SendSignal>();
  ASSERT_THAT(sent, SizeIs(1)) << "at once, not with the next heartbeat";
  EXPECT_TRUE(sent[0].signal.draining);
  agent.Feed(SignalSent{agent.session(), true});
  EXPECT_THAT(agent.Take<CloseSession>(), SizeIs(1));
  const auto finish = agent.Take<Finish>();
  ASSERT_THAT(finish, SizeIs(1));
  EXPECT_TRUE(finish[0].status.ok());
}

TEST(AgentTest, AStopWithoutACoordinatorTakesASecond) {
  AgentDriver agent;
  agent.Feed(StopRequested{});
  agent.Feed(StopRequested{});
  agent.Pass(999);
  EXPECT_FALSE(agent.finished());
  agent.Pass(1);
  EXPECT_TRUE(agent.finished());
  EXPECT_THAT(agent.Take<LogLine>(), SizeIs(1));
  agent.Feed(SessionOpened{1});
  agent.Pass(100'000);
  EXPECT_THAT(agent.Take<SendSignal>(), IsEmpty()) << "nothing is decided after the end";
}

}  // namespace
}  // namespace braid::worker
