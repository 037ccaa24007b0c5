// What a process of the worker delivers that an earlier one has kept on the disk, decision by
// decision.
#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const storage::ManifestFile kFile{"model", std::string(64, 'a'), 1 << 20};

storage::Manifest SomeManifest() {
  storage::Manifest manifest;
  manifest.files = {kFile};
  return manifest;
}

KeptRank KeptA() {
  KeptRank kept;
  kept.assignment.key = kKey;
  kept.assignment.inputs = {{"data", "artifact-1"}};
  return kept;
}
KeptRank WithCheckpoint(KeptRank kept, int64_t step = 30) {
  kept.checkpoint.emplace();
  kept.checkpoint->number = 3;
  kept.checkpoint->message = {step, "/outbox/checkpoint-3", Json::object()};
  kept.checkpoint->metrics_before = 20;
  return kept;
}
KeptRank WithEnd(KeptRank kept, bool success = true) {
  kept.end.emplace();
  kept.end->started = true;
  kept.end->outcome.success = success;
  if (success) kept.end->outputs["model"] = {"checkpoint", "model", Json::object()};
  if (!success) kept.end->outcome.failure = {"preempted", "stopped at step 30", "", false, "", ""};
  return kept;
}

struct Recovered : AgentDriver {
  explicit Recovered(const KeptRank& kept) : AgentDriver({}, {}, {kept}) {}
  std::vector<RankKey> Delivering() {
    const auto signals = TakeSignals();
    return signals.empty() ? std::vector<RankKey>{{"no signal", "", 0, 0}}
                           : signals.back().delivering;
  }
  // The files are as long as they are, and the coordinator has nothing of them.
  void SendFiles() {
    while (!Open<SendPiece>().empty()) {
      const SendPiece piece = Open<SendPiece>()[0];
      Answer<SendPiece>(OkStatus(), PieceSent{20, piece.offset == 20});
    }
  }
  void Upload() {
    Answer<IngestFolder>(OkStatus(), SomeManifest());
    Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kFile.sha256});
    Answer<UploadBlob>();
  }
};

TEST(RecoveryTest, AnEndIsDeliveredByTheNextProcess) {
  Recovered agent(WithEnd(KeptA()));
  EXPECT_THAT(agent.Take<LogLine>().at(0).text, HasSubstr("delivering its end"));
  agent.Connect();
  EXPECT_THAT(agent.Delivering(), ElementsAre(kKey)) << "already in the hello";
  EXPECT_EQ(agent.Answer<ReportStarted>().key, kKey);
  agent.SendFiles();
  EXPECT_EQ(agent.Open<IngestFolder>().at(0).folder, "model");
  agent.Upload();
  const Outcome end = agent.Answer<ReportEnded>().end;
  EXPECT_TRUE(end.success);
  ASSERT_THAT(end.outputs, SizeIs(1));
  EXPECT_THAT(end.outputs[0].second, HasSubstr("\"parents\":[\"artifact-1\"]"));
  EXPECT_THAT(agent.Open<KeepEnd>(), IsEmpty()) << "it is kept already";
  EXPECT_FALSE(agent.idle());
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
  agent.Pass(100);
  EXPECT_THAT(agent.Delivering(), IsEmpty());
}

TEST(RecoveryTest, NothingIsLostWhileTheCoordinatorIsAway) {
  Recovered agent(WithEnd(KeptA()));
  for (int i = 0; i < 20; ++i) {
    agent.Answer<ReportStarted>(Unavailable("connection refused"));
    agent.Pass(5'000);
    (void)agent.Take<OpenSession>();
  }
  EXPECT_THAT(agent.Open<ReportStarted>(), SizeIs(1));
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
}

TEST(RecoveryTest, ARankThatDidNotEndDeliversItsCheckpointAndHasNoEnd) {
  Recovered agent(WithCheckpoint(KeptA()));
  EXPECT_THAT(agent.Take<LogLine>().at(0).text, HasSubstr("its checkpoint of step 30"));
  agent.Connect();
  EXPECT_THAT(agent.Delivering(), ElementsAre(kKey));
  EXPECT_EQ(agent.Open<IngestFolder>().at(0).folder, "/outbox/checkpoint-3");
  agent.Upload();
  EXPECT_THAT(agent.Open<CommitCheckpoint>(), IsEmpty()) << "its metrics come first";
  agent.SendFiles();
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 30);
  agent.Answer<ReleaseBlobs>();
  EXPECT_EQ(agent.Open<DropCheckpoint>().at(0).number, 3);
  agent.AnswerRoutine();
  agent.SendFiles();
  agent.AnswerRoutine();
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty()) << "the coordinator knows what became of it";
  EXPECT_TRUE(agent.idle());
  agent.Pass(100);
  EXPECT_THAT(agent.Delivering(), IsEmpty());
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
}

TEST(RecoveryTest, ACheckpointGoesBeforeAnEndThatIsNoSuccess) {
  Recovered agent(WithEnd(WithCheckpoint(KeptA()), /*success=*/false));
  agent.Upload();
  agent.Answer<ReportStarted>();
  agent.SendFiles();
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  agent.Answer<CommitCheckpoint>();
  agent.Answer<ReleaseBlobs>();
  agent.AnswerRoutine();
  agent.SendFiles();
  EXPECT_EQ(agent.Answer<ReportEnded>().end.failure.category, "preempted");
}

TEST(RecoveryTest, ASuccessNeedsNoCheckpoint) {
  Recovered agent(WithEnd(WithCheckpoint(KeptA())));
  agent.Answer<ReportStarted>();
  agent.SendFiles();
  EXPECT_EQ(agent.Open<IngestFolder>().at(0).folder, "model");
}

// The removal of a checkpoint that was delivered may have been lost with the process. That it is
// refused then must not cost the end.
TEST(RecoveryTest, ACheckpointThatIsOlderThanTheNewestDoesNotCostTheEnd) {
  Recovered agent(WithEnd(WithCheckpoint(KeptA()), /*success=*/false));
  agent.Upload();
  agent.Answer<ReportStarted>();
  agent.SendFiles();
  agent.Answer<CommitCheckpoint>(kStale);
  agent.AnswerRoutine();
  agent.SendFiles();
  EXPECT_THAT(agent.Open<ReportEnded>(), SizeIs(1));
}

TEST(RecoveryTest, AnAttemptThatIsOverIsForgotten) {
  for (const KeptRank& kept : {WithEnd(KeptA()), WithCheckpoint(KeptA())}) {
    Recovered agent(kept);
    agent.Answer<ReportStarted>(kStale);
    while (!agent.Open<SendPiece>().empty()) agent.Answer<SendPiece>(kStale);
    if (!agent.Open<IngestFolder>().empty()) agent.Answer<IngestFolder>(OkStatus(), SomeManifest());
    // Its log is tried still; this coordinator does not know the attempt.
    while (!agent.Open<SendPiece>().empty()) agent.Answer<SendPiece>(kStale);
    EXPECT_THAT(agent.Open<RemoveRankFolder>(), SizeIs(1));
    agent.AnswerRoutine();
    EXPECT_TRUE(agent.idle());
    EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  }
}

// The rank's folder is gone, or its metrics are: the checkpoint cannot be stored, and that must
// come to an end.
TEST(RecoveryTest, MetricsThatAreNotThereAreNotWaitedFor) {
  Recovered agent(WithEnd(WithCheckpoint(KeptA()), /*success=*/false));
  agent.Upload();
  agent.AnswerRoutine();  // the files are empty
  EXPECT_THAT(agent.Open<CommitCheckpoint>(), IsEmpty());
  const auto lines = agent.Take<LogLine>();
  EXPECT_THAT(lines.back().text, HasSubstr("the checkpoint of step 30 is not stored: the file is "
                                           "shorter than what was kept in it"));
  EXPECT_THAT(agent.Open<ReportEnded>(), SizeIs(1));
}

TEST(RecoveryTest, AnEndThatCameBeforeTheProgramIsReportedAlone) {
  KeptRank kept = WithEnd(KeptA(), /*success=*/false);
  kept.end->started = false;
  Recovered agent(kept);
  EXPECT_THAT(agent.Open<ReportStarted>(), IsEmpty());
  EXPECT_THAT(agent.Open<SendPiece>(), IsEmpty());
  EXPECT_EQ(agent.Answer<ReportEnded>().end.failure.error, "stopped at step 30");
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
}

TEST(RecoveryTest, AnswersThatComeTwiceChangeNothing) {
  Recovered agent(WithEnd(KeptA()));
  agent.Repeat(true);
  agent.Answer<ReportStarted>();
  agent.SendFiles();
  agent.Upload();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  EXPECT_TRUE(agent.idle());
}

// A coordinator that wants the very rank again, as one of an older version might: it starts when
// the old one is delivered, because both have one folder.
TEST(RecoveryTest, ARankThatIsDeliveredIsNotStartedBesideThat) {
  Recovered agent(WithEnd(KeptA(), /*success=*/false));
  agent.Connect();
  agent.Want({Train("a")});
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  agent.Answer<ReportStarted>();
  agent.SendFiles();
  agent.Answer<ReportEnded>();
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  agent.AnswerRoutine();
  EXPECT_THAT(agent.Take<StartProgram>(), SizeIs(1));
}

TEST(RecoveryTest, AStopLeavesToTheNextProcessWhatIsNotDelivered) {
  Recovered agent(WithEnd(KeptA()));
  agent.Connect();
  agent.Want({Train("b"), Train("c")});
  const RankKey b{"r", "b", 1, 0}, c{"r", "c", 1, 0};
  agent.Started(b);
  agent.Started(c);
  agent.Say(b, CheckpointMessage{5, "/w", Json::object()});
  agent.Answer<KeepCheckpoint>(OkStatus(), "/kept");
  agent.Feed(StopRequested{});
  agent.Pass(27'000);
  // Programs that did not stop are killed. b has a checkpoint on the disk, c has nothing.
  agent.Ended(b, 0, 9);
  agent.Ended(c, 0, 9);
  while (!agent.Open<KeepEnd>().empty()) agent.Answer<KeepEnd>();
  agent.Pass(5'000);
  EXPECT_TRUE(agent.finished());
  for (const RemoveRankFolder& removed : agent.Open<RemoveRankFolder>())
    EXPECT_EQ(removed.key, c) << "nothing of the others is removed";
}

// The disk has lost what a program wrote, although it can be read still.
TEST(RecoveryTest, OutputsThatTheDiskLostAreNoSuccess) {
  AgentDriver agent;
  agent.Connect();
  agent.Want({Train("a")});
  agent.Started(kKey);
  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "model", {}}}}, "{}"});
  agent.Ended(kKey);
  agent.Answer<KeepEnd>(
      Status(StatusCode::kDataLoss, ErrorReason::kFsyncFailed, "output model may be lost"));
  agent.AnswerRoutine();
  const Outcome end = agent.Answer<ReportEnded>().end;
  EXPECT_FALSE(end.success);
  EXPECT_EQ(end.failure.category, "infra");
  EXPECT_THAT(end.failure.error, HasSubstr("output model may be lost"));
}

TEST(RecoveryTest, AnEndThatCannotBeKeptIsReportedAllTheSame) {
  AgentDriver agent;
  agent.Connect();
  agent.Want({Train("a")});
  agent.Started(kKey);
  agent.AnswerRoutine();
  (void)agent.Take<LogLine>();
  agent.Ended(kKey, 1);
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  agent.Answer<KeepEnd>(
      Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull, "no space left"));
  EXPECT_THAT(agent.Take<LogLine>().at(0).text,
              HasSubstr("its end is not on this worker's disk, and is lost if the worker ends"));
  agent.AnswerRoutine();
  EXPECT_EQ(agent.Answer<ReportEnded>().end.exit_code, 1);
}

KeptRank KeptFor(const Owner& owner, KeptRank kept) {
  kept.owner = owner;
  return kept;
}

TEST(RecoveryTest, WhatIsKeptForOneCoordinatorIsDeliveredToThatOneAlone) {
  for (const KeptRank& kept : {WithEnd(KeptA()), WithCheckpoint(KeptA())}) {
    Recovered same(KeptFor({"first", "worker-1"}, kept));
    same.Connect();
    EXPECT_THAT(same.Delivering(), ElementsAre(kKey)) << "the coordinator is to wait for it";
    EXPECT_THAT(same.Open<ReportStarted>(), IsEmpty()) << "who it is has not been said yet";
    same.SetCoordinator("first");
    same.Want({});
    EXPECT_THAT(same.Open<ReportStarted>(), SizeIs(1));

    Recovered other(KeptFor({"first", "worker-1"}, kept));
    other.Connect();
    other.SetCoordinator("second");
    other.Want({});
    EXPECT_THAT(other.Take<LogLine>().back().text,
                HasSubstr("was made for coordinator first, and the one that this worker calls is "
                          "coordinator second"));
    other.Pass(100);
    EXPECT_THAT(other.Delivering(), ElementsAre(kKey))
        << "if the first one hears this after all, it is to wait";
    other.Want({Train("b")});
    other.Pass(60'000);
    EXPECT_THAT(other.Take<StartProgram>(), SizeIs(1)) << "it works for the second one";
    EXPECT_THAT(other.Open<ReportStarted>(), IsEmpty());
    EXPECT_THAT(other.Open<ReportEnded>(), IsEmpty());
    EXPECT_THAT(other.Open<CommitCheckpoint>(), IsEmpty());
    EXPECT_THAT(other.Open<RemoveRankFolder>(), IsEmpty()) << "it stays on the disk";
  }
}

TEST(RecoveryTest, WhatIsKeptForAnotherWorkerStays) {
  Recovered agent(KeptFor({"first", "worker-2"}, WithEnd(KeptA())));
  EXPECT_THAT(agent.Take<LogLine>().at(0).text,
              HasSubstr("it was leased to worker worker-2, and this is worker worker-1: start it "
                        "with --id worker-2 to deliver it, or remove its folder below outbox/"));
  agent.Connect();
  EXPECT_THAT(agent.Delivering(), IsEmpty());
  agent.SetCoordinator("first");
  agent.Want({});
  agent.Pass(60'000);
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
}

// Of a coordinator from before it had an id, and of a worker that kept none.
TEST(RecoveryTest, WithoutAnIdNothingIsMixedUp) {
  Recovered agent(KeptFor({"first", "worker-1"}, WithEnd(KeptA())));
  agent.Connect();
  agent.Want({});
  EXPECT_THAT(agent.Take<LogLine>().back().text, HasSubstr("is of an earlier version"));
  EXPECT_THAT(agent.Open<ReportStarted>(), IsEmpty());
  Recovered old(WithEnd(KeptA()));
  EXPECT_THAT(old.Open<ReportStarted>(), SizeIs(1)) << "as it always was";
}

TEST(RecoveryTest, AStopBeforeTheCoordinatorAnsweredLeavesWhatIsKept) {
  for (const KeptRank& kept : {WithEnd(KeptA()), WithCheckpoint(KeptA())}) {
    Recovered agent(KeptFor({"first", "worker-1"}, kept));
    agent.Feed(StopRequested{});
    agent.Pass(60'000);
    EXPECT_TRUE(agent.finished());
    EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
  }
}

TEST(RecoveryTest, AProcessWorksForOneCoordinatorAndEndsWhenAnotherAnswers) {
  AgentDriver agent;
  agent.Connect();
  agent.SetCoordinator("first");
  agent.Want({Train("a")});
  const auto started = agent.Take<StartProgram>();
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].owner, (Owner{"first", "worker-1"}));
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Say(kKey, CheckpointMessage{5, "/w", Json::object()});
  agent.Answer<KeepCheckpoint>(OkStatus(), "/kept");
  agent.Feed(SessionClosed{agent.session(), Unavailable("connection refused")});
  agent.Connect();
  agent.SetCoordinator("second");
  agent.Want({});
  EXPECT_THAT(agent.Take<KillProgram>(), SizeIs(1));
  agent.Ended(kKey, 0, 9);
  agent.Pass(10'000);
  const auto finish = agent.Take<Finish>();
  ASSERT_THAT(finish, SizeIs(1));
  EXPECT_THAT(
      finish[0].status.message(),
      HasSubstr("works for coordinator first, and coordinator second answers in its place"));
  EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty()) << "its checkpoint stays";
}

TEST(RecoveryTest, AnEndIsKeptWithWhoseItIs) {
  AgentDriver agent;
  agent.Connect();
  agent.SetCoordinator("first");
  agent.Want({Train("a")});
  agent.Started(kKey);
  agent.Ended(kKey, 1);
  EXPECT_EQ(agent.Answer<KeepEnd>().owner, (Owner{"first", "worker-1"}));
}

}  // namespace
}  // namespace braid::worker
