// The end of the log of a rank that is dropped: another rank of its gang has ended the job.
#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// A rank whose program runs and has sent its log so far is dropped, and the program is gone.
struct Dropped : AgentDriver {
  Dropped() {
    Connect();
    Want({Train("a")});
    Started(kKey);
    AnswerRoutine();
    Want({});
    EXPECT_THAT(Take<KillProgram>(), SizeIs(1));
    EXPECT_THAT(Open<SendPiece>(), IsEmpty());
    EXPECT_THAT(Open<RemoveRankFolder>(), IsEmpty());
    Ended(kKey, 0, 9);
  }
};

TEST(DroppedRankTest, ItsLogIsSentToItsEndBeforeItsFolderGoes) {
  Dropped agent;
  ASSERT_THAT(agent.Open<SendPiece>(), SizeIs(1));
  EXPECT_EQ(agent.Open<SendPiece>()[0].file, GrowingFile::kLog);
  agent.Answer<SendPiece>(OkStatus(), PieceSent{70, false});
  EXPECT_EQ(agent.Answer<SendPiece>(OkStatus(), PieceSent{90, true}).offset, 70);
  agent.Answer<RemoveRankFolder>();
  EXPECT_TRUE(agent.idle());
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
}

TEST(DroppedRankTest, APieceThatWasOnItsWayIsSentAgain) {
  AgentDriver agent;
  agent.Connect();
  agent.Want({Train("a")});
  agent.Started(kKey);
  agent.Answer<ReportStarted>();
  agent.Want({});
  agent.Ended(kKey, 0, 9);
  // Of log and metrics; their answers do not count any more.
  agent.Answer<SendPiece>(OkStatus(), PieceSent{50, false});
  agent.Answer<SendPiece>(OkStatus(), PieceSent{50, false});
  EXPECT_EQ(agent.Answer<SendPiece>(OkStatus(), PieceSent{90, true}).file, GrowingFile::kLog);
  agent.Answer<RemoveRankFolder>();
  EXPECT_TRUE(agent.idle());
}

TEST(DroppedRankTest, ItsSlotsAreFreeMeanwhile) {
  Dropped agent;
  (void)agent.Take<StartProgram>();
  agent.Want({Train("b")});
  ASSERT_THAT(agent.Open<SendPiece>(), SizeIs(1));
  EXPECT_THAT(agent.Take<StartProgram>(), SizeIs(1));
}

TEST(DroppedRankTest, ACoordinatorThatIsAwayIsTriedForAWhile) {
  Dropped agent;
  for (int i = 0; i < 20; ++i) {
    agent.Answer<SendPiece>(kAway);
    agent.Pass(1'000);
  }
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
  agent.Answer<SendPiece>(kAway);
  agent.Pass(11'000);
  agent.Answer<RemoveRankFolder>();
  agent.Answer<SendPiece>(kAway);
  EXPECT_TRUE(agent.idle());
}

TEST(DroppedRankTest, WhatIsRefusedIsNotTriedAgain) {
  Dropped agent;
  agent.Answer<SendPiece>(kStale);
  agent.Answer<RemoveRankFolder>();
  EXPECT_TRUE(agent.idle());
}

TEST(DroppedRankTest, AWorkerThatEndsDoesNotWaitForIt) {
  Dropped agent;
  agent.Feed(StopRequested{});
  agent.Pass(20'000);
  agent.Answer<RemoveRankFolder>();
  agent.Answer<SendPiece>(Cancelled("the worker ends"));
  EXPECT_TRUE(agent.finished());
}

}  // namespace
}  // namespace braid::worker
