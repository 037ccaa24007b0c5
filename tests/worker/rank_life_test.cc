// The life of a rank, decision by decision, from its inputs to its end.
#include "base/text.h"
#include "tests/worker/rank_life_fixture.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RankLifeTest, FromFetchingItsInputsToLeavingNothing) {
  Life agent(WithInput());
  EXPECT_EQ(agent.Answer<FindArtifact>(OkStatus(), kFound).artifact, "artifact-1");
  EXPECT_EQ(agent.Answer<DownloadBlob>().size, 1000u);
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  agent.Answer<LayOutArtifact>();
  EXPECT_THAT(agent.Take<StartProgram>(), SizeIs(1));
  agent.Started(kKey);
  EXPECT_EQ(agent.Answer<ReportStarted>().key, kKey);
  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "model", {{"step", 5}}}}}, "{\"x\":1}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  const auto ingest = agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge}));
  EXPECT_TRUE(ingest.of_output);
  EXPECT_EQ(ingest.folder, "model");
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{});
  EXPECT_EQ(agent.Answer<KeepManifest>().manifest.parents, std::vector<std::string>{"artifact-1"});
  const Outcome end = agent.End();
  EXPECT_TRUE(end.success);
  EXPECT_EQ(end.summary, "{\"x\":1}");
  ASSERT_THAT(end.outputs, SizeIs(1));
  EXPECT_EQ(end.outputs[0].first, "model");
  EXPECT_THAT(end.outputs[0].second, HasSubstr("\"parents\":[\"artifact-1\"]"));
  EXPECT_THAT(end.outputs[0].second, HasSubstr("\"recipe\":\"recipe\""));
}

TEST(RankLifeTest, ASessionThatBreaksDoesNotConcernIt) {
  Life agent;
  agent.Run();
  (void)agent.TakeSignals();
  agent.Feed(SessionClosed{agent.session(), kAway});
  agent.Say(kKey, Progress{.phase = "training", .done = 7});
  agent.Connect();
  const auto signals = agent.TakeSignals();
  ASSERT_THAT(signals, SizeIs(1));
  ASSERT_THAT(signals[0].ranks, SizeIs(1));
  EXPECT_EQ(signals[0].ranks[0].progress.done, 7);
  // A coordinator that has started again numbers its states anew.
  agent.Feed(DesiredArrived{agent.session(), {.version = 1, .ranks = {Train("a")}}});
  EXPECT_THAT(agent.Take<KillProgram>(), IsEmpty());
  EXPECT_THAT(agent.Take<StartProgram>(), SizeIs(1)) << "the first one";
}

TEST(RankLifeTest, AnEndIsReportedUntilItIsAcknowledgedAndThenNeverAgain) {
  Life agent;
  agent.Run();
  agent.Ended(kKey, 3, 0, "last words");
  agent.AnswerRoutine();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(agent.Answer<ReportEnded>(kAway).end.exit_code, 3);
    EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty()) << "not without a pause";
    agent.Pass(5'000);
  }
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "system");
  EXPECT_EQ(end.failure.log_tail, "last words");
  agent.Pass(3'600'000);
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
}

TEST(RankLifeTest, ARefusedEndIsReportedAsAFailure) {
  Life agent;
  agent.Run();
  agent.Say(kKey, ResultMessage{{}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  EXPECT_TRUE(agent
                  .Answer<ReportEnded>(
                      Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing, "no abc"))
                  .end.success);
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "system");
  EXPECT_THAT(end.failure.error, HasSubstr("no abc"));
}

TEST(RankLifeTest, AnEndThatThisIdentityMayNotReportStaysOnTheDisk) {
  Life agent;
  agent.Run();
  agent.Say(kKey, ResultMessage{{}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>(PermissionDenied("not yours"));
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
}

TEST(RankLifeTest, AStaleLeaseKillsAndReportsNothing) {
  Life agent;
  agent.Started(kKey);
  agent.Answer<ReportStarted>(kStale);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty()) << "its program is there still";
  agent.Ended(kKey, 0, 9);
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty()) << "its files are being read still";
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  agent.Want({Train("a")});
  EXPECT_THAT(agent.Take<StartProgram>(), SizeIs(1)) << "the first one: it is not started again";
}

TEST(RankLifeTest, AStaleCheckpointOrEndEndsItToo) {
  Life agent;
  agent.Run();
  agent.Checkpoint(5);
  agent.UploadCheckpoint();
  agent.Answer<CommitCheckpoint>(kStale);
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  agent.Ended(kKey, 0, 9);
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());

  Life other;
  other.Run();
  other.Ended(kKey, 1);
  other.AnswerRoutine();
  other.Answer<ReportEnded>(kStale);
  other.AnswerRoutine();
  EXPECT_TRUE(other.idle());
}

TEST(RankLifeTest, AFullDiskIsWaitedForAndThatIsSaid) {
  Life agent;
  agent.Run();
  (void)agent.Take<LogLine>();
  agent.Say(kKey, MetricMessage{"1"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(agent.Answer<KeepMetrics>(kFull).lines, "1\n");
    agent.Say(kKey, MetricMessage{"more"});
    agent.Pass(5'000);
  }
  auto lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].text, "writing x: No space left on device; waiting for room");
  agent.Answer<KeepMetrics>();
  EXPECT_EQ(agent.Answer<KeepMetrics>().lines, "more\nmore\nmore\n");
  lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].text, "there is room on the disk again");

  agent.Checkpoint(5);
  agent.Answer<IngestFolder>(kFull);
  EXPECT_THAT(agent.Take<LogLine>(), SizeIs(1));
  agent.Pass(100);
  EXPECT_THAT(agent.Open<IngestFolder>(), SizeIs(1));
}

TEST(RankLifeTest, AFinishedJobWaitsForRoomForItsOutput) {
  Life agent;
  agent.Run();
  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "model", {}}}}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  for (int i = 0; i < 20; ++i) {
    agent.Answer<IngestFolder>(kFull);
    agent.Pass(5'000);
  }
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge}));
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{});
  EXPECT_TRUE(agent.End().success);
}

TEST(RankLifeTest, AProgramThatCannotBeStartedIsReported) {
  Life agent;
  agent.Feed(ProgramStarted{kKey, NotFound("starting braid-trainer: no such file")});
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "infra");
  EXPECT_THAT(end.failure.error, HasSubstr("braid-trainer"));
}

TEST(RankLifeTest, HowAProgramEndsSaysWhoIsToBlame) {
  struct Case {
    int code, signal;
    std::string category;
    bool deterministic, peer_lost;
  };
  for (const Case& one : {Case{3, 0, "system", false, false}, Case{0, 0, "system", false, false},
                          Case{0, 11, "infra", false, false}, Case{0, 9, "infra", false, false},
                          Case{69, 0, "infra", true, false}, Case{75, 0, "system", false, true}}) {
    Life agent;
    agent.Run();
    agent.Ended(kKey, one.code, one.signal, "no AVX2\n");
    const Outcome end = agent.End();
    EXPECT_EQ(end.failure.category, one.category) << one.code << " " << one.signal;
    EXPECT_EQ(end.failure.deterministic, one.deterministic) << one.code;
    EXPECT_EQ(end.peer_lost, one.peer_lost) << one.code;
  }
}

TEST(RankLifeTest, AnAnswerThatComesTwiceChangesNothing) {
  Life agent;
  agent.Started(kKey);
  agent.Started(kKey);
  EXPECT_THAT(agent.Open<ReportStarted>(), SizeIs(1));
  EXPECT_THAT(agent.Open<SendPiece>(), SizeIs(2));
  agent.Repeat(true);
  agent.AnswerRoutine();
  agent.Ended(kKey, 1);
  agent.Ended(kKey, 2);
  EXPECT_EQ(agent.End().exit_code, 1);
  agent.Started(kKey);
  agent.Ended(kKey, 3);
  EXPECT_TRUE(agent.idle());
}

TEST(RankLifeTest, KeysAreRelayedInTheirOrder) {
  Life agent;
  agent.Run();
  agent.Say(kKey, RendezvousMessage{1, true, "mine", Base64Encode("here"), 0});
  agent.Say(kKey, RendezvousMessage{2, false, "yours", "", 5'000});
  EXPECT_THAT(agent.Open<GetRendezvous>(), IsEmpty());
  EXPECT_EQ(agent.Answer<PutRendezvous>().value, "here");
  EXPECT_EQ(agent.Take<TellProgram>().at(0).control, (Json{{"control", "rendezvous"}, {"id", 1}}));
  EXPECT_EQ(agent.Answer<GetRendezvous>(DeadlineExceeded("nobody has")).timeout_ms, 2'000);
  EXPECT_THAT(agent.Open<GetRendezvous>(), SizeIs(1)) << "at once: the call has waited itself";
  agent.Answer<GetRendezvous>(OkStatus(), std::string("there"));
  EXPECT_EQ(agent.Take<TellProgram>().at(0).control,
            (Json{{"control", "rendezvous"}, {"id", 2}, {"value", Base64Encode("there")}}));
}

TEST(RankLifeTest, AKeyThatNobodyPutsIsSaidInTime) {
  Life agent;
  agent.Run();
  agent.Say(kKey, RendezvousMessage{1, false, "yours", "", 5'000});
  for (int i = 0; i < 100 && agent.Take<TellProgram>().empty(); ++i) {
    if (agent.Open<GetRendezvous>().empty()) {
      agent.Pass(100);
    } else {
      const auto waits = agent.Open<GetRendezvous>()[0].timeout_ms;
      agent.Pass(i % 2 == 0 ? waits : 0);
      agent.Answer<GetRendezvous>(i % 2 == 0 ? DeadlineExceeded("nobody has") : kAway);
    }
    ASSERT_LT(i, 99);
  }
  agent.Say(kKey, RendezvousMessage{2, false, "yours", "", 5'000});
  agent.Ended(kKey, 75);
  EXPECT_THAT(agent.Take<CancelWork>(), SizeIs(1)) << "who has ended waits for no key";
  agent.Answer<GetRendezvous>(Cancelled("nobody waits"));
  EXPECT_TRUE(agent.End().peer_lost);
}

}  // namespace
}  // namespace braid::worker
