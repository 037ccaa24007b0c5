// Stops of a rank: at every moment of its life, in time, and by force.
#include "tests/worker/rank_life_fixture.h"

namespace braid::worker {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RankStopsTest, AProgramThatDoesNotStopIsKilledInTime) {
  Life agent;
  agent.Run();
  agent.Want({Train("a", 1, /*stop=*/true)});
  auto told = agent.Take<TellProgram>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].control, (Json{{"control", "stop"}, {"deadline_ms", 700}}));
  agent.Want({Train("a", 1, /*stop=*/true)});
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty());
  agent.Pass(699);
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  agent.Pass(1);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  agent.Ended(kKey, 0, 9);
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "preempted");
  EXPECT_EQ(end.failure.error, "did not stop in its time and was killed");
}

TEST(RankStopsTest, AProgramThatStopsInTimeSaysWhatItWas) {
  Life agent;
  agent.Run();
  agent.Want({Train("a", 1, /*stop=*/true)});
  agent.Say(kKey, ErrorMessage{"preempted", "stopped at step 7", "", "", false});
  agent.Ended(kKey);
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "preempted");
  EXPECT_EQ(end.failure.error, "stopped at step 7");
  agent.Pass(60'000);
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
}

// Somebody cancels a run whose trainings are writing their checkpoints.
TEST(RankStopsTest, ALaterStopCanOnlyShortenTheTime) {
  Life agent;
  agent.Run();
  Assignment stop = Train("a", 1, /*stop=*/true);
  stop.stop_timeout_ms = 600'000;
  agent.Want({stop});
  ASSERT_THAT(agent.Take<TellProgram>(), SizeIs(1));
  agent.Pass(1'000);
  stop.stop_timeout_ms = 900'000;
  agent.Want({stop});
  agent.Pass(1'000);
  stop.stop_timeout_ms = 30'000;
  agent.Want({stop});
  agent.Pass(29'000);
  agent.Want({stop});  // the same again does not begin anew
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  agent.Pass(1'000);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty()) << "it was told once";
}

// The ranks of a gang that write no checkpoint end at once when their workers stop them, which the
// coordinator answers with an abort.
TEST(RankStopsTest, AnAbortTakesNoTimeFromAStop) {
  Life agent;
  agent.Run();
  Assignment stop = Train("a", 1, /*stop=*/true);
  stop.stop_timeout_ms = 60'000;
  agent.Want({stop});
  stop.stop_timeout_ms = 0;
  agent.Want({stop});
  agent.Pass(59'000);
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  agent.Pass(1'000);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
}

// A shorter stop that overtakes the acknowledgement of the end.
TEST(RankStopsTest, AStopAfterTheEndLeavesNothingBehind) {
  Life agent;
  agent.Run();
  Assignment stop = Train("a", 1, /*stop=*/true);
  stop.stop_timeout_ms = 600'000;
  agent.Want({stop});
  agent.Say(kKey, ErrorMessage{"preempted", "stopped at step 7", "", "", false});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  stop.stop_timeout_ms = 30'000;
  agent.Want({stop});
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
}

TEST(RankStopsTest, AStopThatComesWhileItStartsIsToldWhenItRuns) {
  Life agent;
  agent.Want({Train("a", 1, /*stop=*/true)});
  agent.Pass(500);
  EXPECT_THAT(agent.Take<TellProgram>(), IsEmpty());
  agent.Started(kKey);
  const auto told = agent.Take<TellProgram>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].control["deadline_ms"], 200);
  agent.Pass(200);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
}

TEST(RankStopsTest, AStopThatComesWhileItFetchesEndsTheFetch) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  Assignment stop = WithInput();
  stop.stop = true;
  agent.Want({stop});
  EXPECT_THAT(agent.Take<CancelWork>(), SizeIs(1));
  agent.Answer<DownloadBlob>(Cancelled("nobody needs it"));
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "preempted");
  EXPECT_EQ(end.failure.error, "stopped before it began");
}

TEST(RankStopsTest, WhatIsWantedOnlyToBeStoppedSaysThatItNeverBegan) {
  Life agent(Train("a", 1, /*stop=*/true));
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  EXPECT_EQ(agent.End().failure.category, "cancelled");
}

TEST(RankStopsTest, WhatIsDroppedWhileItFetchesEndsTheFetchAndItsFolderGoesLast) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  agent.Want({});
  EXPECT_THAT(agent.Take<CancelWork>(), SizeIs(1));
  agent.Answer<RemoveRankFolder>();
  agent.Answer<DownloadBlob>(Cancelled("nobody needs it"));
  EXPECT_TRUE(agent.idle());
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
}

}  // namespace
}  // namespace braid::worker
