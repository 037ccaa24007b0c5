// The checkpoints of a rank: which are sent, when, and what becomes of those that cannot be.
#include "tests/worker/rank_life_fixture.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RankCheckpointsTest, OfCheckpointsThatWaitOnlyTheNewestIsSent) {
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

TEST(RankCheckpointsTest, AfterAnAbsenceTheNewestCheckpointGoesFirst) {
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

TEST(RankCheckpointsTest, ACheckpointWhoseBytesAreOnTheirWayIsFinishedFirst) {
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

TEST(RankCheckpointsTest, ACheckpointThatCannotBeTakenOverIsStoredFromTheProgramsFolder) {
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

TEST(RankCheckpointsTest, ACheckpointThatWasWrittenBeforeTheEndIsStoredBeforeTheEndIsReported) {
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

TEST(RankCheckpointsTest, ACheckpointThatIsRefusedIsSaidAndTheNextOneIsSent) {
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

TEST(RankCheckpointsTest, MetricsArriveBeforeTheCheckpointBehindThem) {
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

// A coordinator that was restored from a backup, or whose garbage went at the wrong moment.
TEST(RankCheckpointsTest, ABlobThatTheCoordinatorLostIsSentAgainAndCommittedAgain) {
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

TEST(RankCheckpointsTest, ACoordinatorThatNeverKeepsABlobIsNotToldForEver) {
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
