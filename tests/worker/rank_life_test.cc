// The life of a rank, decision by decision.
#include <gmock/gmock.h>

#include "base/text.h"
#include "tests/worker/agent_driver.h"
#include "worker/agent/blob_moves.h"
#include "worker/agent/rank.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

storage::Manifest ManifestOf(std::vector<storage::ManifestFile> files) {
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  manifest.files = std::move(files);
  return manifest;
}

const storage::ManifestFile kLarge{"model.safetensors", std::string(64, 'a'), 1 << 20};
const storage::ManifestFile kSmall{"state.json", std::string(64, 'b'), 100};

// A worker with a session, and one rank that is wanted.
struct Life : AgentDriver {
  explicit Life(const Assignment& assignment = Train("a"), std::vector<std::string> gpus = {})
      : AgentDriver(std::move(gpus)) {
    Connect();
    Want({assignment});
  }
  // Its program runs, and its start is known.
  void Run() {
    Started(kKey);
    AnswerRoutine();
  }
  // The end that is reported; it is acknowledged, and nothing is left.
  Outcome End() {
    AnswerRoutine();
    const Outcome end = Answer<ReportEnded>().end;
    AnswerRoutine();
    EXPECT_TRUE(idle());
    return end;
  }
  // The program says that it has written a checkpoint, and it is taken over if that is asked for.
  void Checkpoint(int64_t step, const Status& kept = OkStatus()) {
    Say(kKey, CheckpointMessage{step, "/w/step-" + std::to_string(step), Json::object()});
    if (!Open<KeepCheckpoint>().empty())
      Answer<KeepCheckpoint>(kept, "/kept/step-" + std::to_string(step));
  }
  // The steps of which the program was told that it may remove them.
  std::vector<int64_t> Safe() {
    std::vector<int64_t> steps;
    for (const TellProgram& told : Take<TellProgram>()) {
      if (told.control["control"] == "checkpoint_stored") steps.push_back(told.control["step"]);
    }
    return steps;
  }
  // The checkpoint that is being stored is ingested and uploaded.
  IngestFolder UploadCheckpoint() {
    const auto ingest = Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge, kSmall}));
    Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kLarge.sha256});
    Answer<UploadBlob>();
    return ingest;
  }
};

Assignment WithInput(const std::string& artifact = "artifact-1") {
  Assignment assignment = Train("a");
  assignment.inputs = {{"data", artifact}};
  assignment.recipe_sha256 = "recipe";
  return assignment;
}

const ArtifactFound kFound{false, ManifestOf({{"shards.bin", std::string(64, 'c'), 1000}})};

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

// ---- What is bound to the site of the worker.

Assignment BoundAssignment(task::Binding binding) {
  Assignment assignment = Train("a");
  assignment.binding = binding;
  assignment.site = "lab";
  return assignment;
}

TEST(RankLifeTest, ABoundOutputIsKeptAndOthersAreSentUnderTheirNames) {
  Life agent(BoundAssignment(task::Binding::kShards));
  agent.Run();
  agent.Say(kKey, ResultMessage{{{"shards", {"shards", "s", Json::object()}},
                                 {"shared", {"shards", "t", Json::object()}}},
                                "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  EXPECT_EQ(agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge})).folder, "s");
  EXPECT_THAT(agent.Open<FindMissingBlobs>(), IsEmpty());
  EXPECT_THAT(agent.Open<IngestFolder>(), IsEmpty()) << "before it is on the disk";
  const KeepManifest kept = agent.Answer<KeepManifest>();
  EXPECT_TRUE(kept.bound);
  EXPECT_EQ(kept.manifest.metadata["bound_to"], "lab");
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kSmall}));
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kSmall.sha256});
  const UploadBlob sent = agent.Answer<UploadBlob>();
  EXPECT_EQ(sent.sha256, kSmall.sha256);
  EXPECT_EQ(sent.output.role, "shared");
  EXPECT_EQ(sent.output.key, kKey);
  EXPECT_FALSE(agent.Answer<KeepManifest>().bound);
  const Outcome end = agent.End();
  EXPECT_THAT(end.bound, ElementsAre("shards"));
  EXPECT_THAT(end.outputs, SizeIs(2));
  agent.Pass(100);
  const auto signals = agent.TakeSignals();
  EXPECT_THAT(signals.back().bound, ElementsAre(testing::_));
}

TEST(RankLifeTest, AnOutputThatCannotBeKeptIsAFailure) {
  Life agent(BoundAssignment(task::Binding::kOutputs));
  agent.Run();
  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "m", Json::object()}}}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kSmall}));
  agent.Answer<KeepManifest>(Internal("the disk is broken"));
  const Outcome end = agent.End();
  EXPECT_FALSE(end.success);
  EXPECT_THAT(end.failure.error, HasSubstr("the disk is broken"));
}

TEST(RankLifeTest, ABoundCheckpointIsCommittedAndStays) {
  Life agent(BoundAssignment(task::Binding::kOutputs));
  agent.Run();
  agent.Checkpoint(5);
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge, kSmall}));
  EXPECT_TRUE(agent.Answer<KeepManifest>().bound);
  EXPECT_THAT(agent.Open<FindMissingBlobs>(), IsEmpty());
  agent.AnswerRoutine();
  const CommitCheckpoint commit = agent.Answer<CommitCheckpoint>();
  EXPECT_TRUE(commit.bound);
  EXPECT_EQ(commit.step, 5);
  EXPECT_THAT(agent.Open<ReleaseBlobs>(), IsEmpty()) << "there is no other copy";
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

TEST(RankLifeTest, OfCheckpointsThatWaitOnlyTheNewestIsSent) {
  Life agent;
  agent.Run();
  agent.Checkpoint(10);
  for (const int64_t step : {20, 30, 40}) agent.Checkpoint(step);
  EXPECT_THAT(agent.Open<IngestFolder>(), SizeIs(1)) << "one at a time";
  EXPECT_THAT(agent.Safe(), ElementsAre(10, 20, 30, 40)) << "all were taken over";
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/kept/step-10");
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 10);
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/kept/step-40");
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 40);
  EXPECT_THAT(agent.Open<IngestFolder>(), IsEmpty());
  std::vector<int64_t> dropped;
  for (const DropCheckpoint& drop : agent.Open<DropCheckpoint>()) dropped.push_back(drop.number);
  EXPECT_THAT(dropped, ElementsAre(2, 3, 1, 4)) << "each, once it is not needed any more";
  EXPECT_THAT(agent.Answer<ReleaseBlobs>().sha256, ElementsAre(kLarge.sha256));
}

TEST(RankLifeTest, AfterAnAbsenceTheNewestCheckpointGoesFirst) {
  Life agent;
  agent.Run();
  agent.Checkpoint(10);
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge, kSmall}));
  agent.Answer<FindMissingBlobs>(kAway);
  agent.Checkpoint(20);
  agent.Checkpoint(30);
  EXPECT_THAT(agent.Open<IngestFolder>(), IsEmpty()) << "the coordinator may be there in a moment";
  agent.Pass(3'000);
  agent.Answer<FindMissingBlobs>(kAway);
  agent.Checkpoint(40);
  // Three of them are gone, with what was made of them.
  std::vector<int64_t> dropped;
  for (const DropCheckpoint& drop : agent.Open<DropCheckpoint>()) dropped.push_back(drop.number);
  EXPECT_THAT(dropped, ElementsAre(2, 3, 1));
  EXPECT_THAT(agent.Open<ReleaseBlobs>(), SizeIs(1));
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/kept/step-40");
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 40);
  EXPECT_THAT(agent.Open<IngestFolder>(), IsEmpty()) << "and nothing else";
}

TEST(RankLifeTest, ACheckpointWhoseBytesAreOnTheirWayIsFinishedFirst) {
  Life agent;
  agent.Run();
  agent.Checkpoint(10);
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge, kSmall}));
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kLarge.sha256});
  for (int64_t step = 20; step <= 50; step += 10) {
    agent.Answer<UploadBlob>(kAway);
    agent.Pass(5'000);
    agent.Checkpoint(step);
  }
  agent.Answer<UploadBlob>();
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 10);
  agent.UploadCheckpoint();
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 50);
}

TEST(RankLifeTest, ACheckpointThatCannotBeTakenOverIsStoredFromTheProgramsFolder) {
  Life agent;
  agent.Run();
  (void)agent.Take<LogLine>();
  agent.Checkpoint(10, kFull);
  const auto lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0].text, HasSubstr("the checkpoint of step 10 could not be taken over"));
  EXPECT_THAT(lines[0].text, HasSubstr("No space left on device"));
  EXPECT_THAT(agent.Safe(), IsEmpty());
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/w/step-10");
  agent.Answer<CommitCheckpoint>();
  EXPECT_THAT(agent.Safe(), ElementsAre(10));
  EXPECT_THAT(agent.Open<DropCheckpoint>(), IsEmpty());
}

TEST(RankLifeTest, ACheckpointThatWasWrittenBeforeTheEndIsStoredBeforeTheEndIsReported) {
  Life agent;
  agent.Run();
  agent.Checkpoint(10);
  agent.Checkpoint(20);
  (void)agent.Safe();
  agent.Ended(kKey, 1);
  agent.AnswerRoutine();
  agent.UploadCheckpoint();
  agent.Answer<CommitCheckpoint>(kAway);
  agent.Pass(60'000);
  agent.Answer<CommitCheckpoint>();
  EXPECT_THAT(agent.Open<ReportEnded>(), IsEmpty());
  agent.UploadCheckpoint();
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 20);
  while (!agent.Open<ReleaseBlobs>().empty()) agent.Answer<ReleaseBlobs>();
  (void)agent.End();
}

TEST(RankLifeTest, ACheckpointThatIsRefusedIsSaidAndTheNextOneIsSent) {
  Life agent;
  agent.Run();
  (void)agent.Take<LogLine>();
  agent.Checkpoint(10);
  agent.Answer<IngestFolder>(NotFound("opening /w/step-10: No such file or directory"));
  const auto lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0].text, HasSubstr("the checkpoint of step 10 is not stored: opening"));
  agent.Checkpoint(20);
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/kept/step-20");
}

TEST(RankLifeTest, MetricsArriveBeforeTheCheckpointBehindThem) {
  Life agent;
  agent.Run();
  agent.Say(kKey, MetricMessage{"{\"step\":5}"});
  agent.Checkpoint(5);
  EXPECT_THAT(agent.Open<KeepCheckpoint>(), IsEmpty()) << "also on this worker's disk";
  EXPECT_EQ(agent.Answer<KeepMetrics>().lines, "{\"step\":5}\n");
  EXPECT_EQ(agent.Answer<KeepCheckpoint>(OkStatus(), "/kept").checkpoint.metrics_before, 11);
  agent.UploadCheckpoint();
  EXPECT_THAT(agent.Open<CommitCheckpoint>(), IsEmpty());
  // What is kept is sent now, not after the usual pause.
  EXPECT_EQ(agent.Answer<SendPiece>(OkStatus(), PieceSent{11, false}).file, GrowingFile::kMetrics);
  EXPECT_THAT(agent.Open<CommitCheckpoint>(), SizeIs(1));
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

TEST(RankLifeTest, AnInputThatDoesNotFitIsReportedNotWaitedFor) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  agent.Answer<DownloadBlob>(
      Status(StatusCode::kResourceExhausted, ErrorReason::kDiskFull, "no room"));
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "infra");
  EXPECT_EQ(end.failure.reason, "STORAGE_FULL");
  EXPECT_EQ(end.failure.error, "fetching shards.bin: no room");
}

TEST(RankLifeTest, AWrongDigestIsFetchedOnceMoreThenAskedAbout) {
  const Status wrong(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                     "blob c has another digest");
  struct Case {
    Status stored;
    std::string category;
    bool deterministic;
  };
  for (const Case& one : {Case{OkStatus(), "system", false},
                          Case{DataLoss("file shards.bin has changed"), "user", true}}) {
    Life agent(WithInput());
    agent.Answer<FindArtifact>(OkStatus(), kFound);
    agent.Answer<DownloadBlob>(wrong);
    agent.Pass(100);
    agent.Answer<DownloadBlob>(wrong);
    agent.Answer<VerifyArtifact>(kAway);
    agent.Pass(100);
    EXPECT_EQ(agent.Answer<VerifyArtifact>(one.stored).artifact, "artifact-1");
    const Outcome end = agent.End();
    EXPECT_EQ(end.failure.category, one.category);
    EXPECT_EQ(end.failure.deterministic, one.deterministic);
    EXPECT_THAT(end.failure.error, HasSubstr("fetching shards.bin"));
  }
}

TEST(RankLifeTest, ABlobThatANeighbourTookOutOfTheCacheIsFetchedAgain) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  const Status missing(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                       "blob c is not there");
  for (int i = 0; i < 2; ++i) {
    agent.Answer<DownloadBlob>();
    agent.Answer<LayOutArtifact>(missing);
  }
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>(missing);
  EXPECT_EQ(agent.End().failure.error, "blob c is not there");
}

TEST(RankLifeTest, TwoRanksThatNeedOneArtifactFetchItOnce) {
  Life agent(WithInput());
  Assignment other = WithInput();
  other.key.job = "b";
  agent.Want({WithInput(), other});
  EXPECT_THAT(agent.Open<FindArtifact>(), SizeIs(1));
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  // The one that is not wanted any more does not end it for the other.
  agent.Want({other});
  EXPECT_THAT(agent.Take<CancelWork>(), IsEmpty());
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>();
  const auto starts = agent.Take<StartProgram>();
  ASSERT_THAT(starts, SizeIs(1));
  EXPECT_EQ(starts[0].assignment.key.job, "b");
}

TEST(RankLifeTest, AProgramThatDoesNotStopIsKilledInTime) {
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

TEST(RankLifeTest, AProgramThatStopsInTimeSaysWhatItWas) {
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
TEST(RankLifeTest, ALaterStopCanOnlyShortenTheTime) {
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
TEST(RankLifeTest, AnAbortTakesNoTimeFromAStop) {
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
TEST(RankLifeTest, AStopAfterTheEndLeavesNothingBehind) {
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

TEST(RankLifeTest, AStopThatComesWhileItStartsIsToldWhenItRuns) {
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

TEST(RankLifeTest, AStopThatComesWhileItFetchesEndsTheFetch) {
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

TEST(RankLifeTest, WhatIsWantedOnlyToBeStoppedSaysThatItNeverBegan) {
  Life agent(Train("a", 1, /*stop=*/true));
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
  EXPECT_EQ(agent.End().failure.category, "cancelled");
}

TEST(RankLifeTest, WhatIsDroppedWhileItFetchesEndsTheFetchAndItsFolderGoesLast) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  agent.Want({});
  EXPECT_THAT(agent.Take<CancelWork>(), SizeIs(1));
  agent.Answer<RemoveRankFolder>();
  agent.Answer<DownloadBlob>(Cancelled("nobody needs it"));
  EXPECT_TRUE(agent.idle());
  EXPECT_THAT(agent.Take<StartProgram>(), IsEmpty());
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

// A coordinator that was restored from a backup, or whose garbage went at the wrong moment.
TEST(RankLifeTest, ABlobThatTheCoordinatorLostIsSentAgainAndCommittedAgain) {
  const Status lost(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                    "file model.safetensors");
  Life agent;
  agent.Run();
  (void)agent.Take<LogLine>();
  agent.Checkpoint(10);
  agent.UploadCheckpoint();
  agent.Answer<CommitCheckpoint>(lost);
  EXPECT_THAT(agent.Take<LogLine>().at(0).text,
              HasSubstr("a file of the checkpoint of step 10 is missing at the coordinator or in "
                        "the cache: it is sent once more"));
  agent.Pass(0);
  EXPECT_THAT(agent.Open<DropCheckpoint>(), IsEmpty());
  // The file has left this worker's cache before it was sent: it is still where it was kept.
  EXPECT_EQ(agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge})).folder, "/kept/step-10");
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kLarge.sha256});
  agent.Answer<UploadBlob>(Status(StatusCode::kNotFound, ErrorReason::kBlobMissing, "no blob"));
  EXPECT_THAT(agent.Open<DropCheckpoint>(), IsEmpty());
  agent.Pass(60'000);
  EXPECT_EQ(agent.UploadCheckpoint().folder, "/kept/step-10");
  EXPECT_EQ(agent.Answer<CommitCheckpoint>().step, 10);
  agent.Answer<ReleaseBlobs>();

  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "model", Json::object()}}}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  const auto store = [&] {
    agent.Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge}));
    agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kLarge.sha256});
    agent.Answer<UploadBlob>();
    agent.AnswerRoutine();
  };
  store();
  for (int times = 0; times < 3; ++times) {
    EXPECT_TRUE(agent.Answer<ReportEnded>(lost).end.success);
    EXPECT_THAT(agent.Open<RemoveRankFolder>(), IsEmpty());
    agent.Pass(60'000);
    store();
  }
  EXPECT_TRUE(agent.End().success) << "nothing was lost by it";
}

TEST(RankLifeTest, ACoordinatorThatNeverKeepsABlobIsNotToldForEver) {
  const Status lost(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                    "file model.safetensors");
  Life agent;
  agent.Run();
  agent.Checkpoint(10);
  int times = 0;
  while (!agent.Open<IngestFolder>().empty() && times < 100) {
    agent.UploadCheckpoint();
    agent.Answer<CommitCheckpoint>(lost);
    agent.Pass(60'000);
    ++times;
  }
  EXPECT_EQ(times, kMostLost + 1);
  EXPECT_THAT(agent.Take<LogLine>().back().text,
              HasSubstr("the checkpoint of step 10 is not stored: file model.safetensors"));
}

}  // namespace
}  // namespace braid::worker
