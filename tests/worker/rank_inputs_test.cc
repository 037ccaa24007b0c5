// How a rank gets its inputs.
#include "tests/worker/rank_life_fixture.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RankInputsTest, AnInputThatDoesNotFitIsReportedNotWaitedFor) {
  Life agent(WithInput());
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  agent.Answer<DownloadBlob>(
      Status(StatusCode::kResourceExhausted, ErrorReason::kDiskFull, "no room"));
  const Outcome end = agent.End();
  EXPECT_EQ(end.failure.category, "infra");
  EXPECT_EQ(end.failure.reason, "STORAGE_FULL");
  EXPECT_EQ(end.failure.error, "fetching shards.bin: no room");
}

// The coordinator does not have it, so that it must not be asked for it.
TEST(RankInputsTest, WhatIsBoundIsFetchedAsSuchAndAJobThatCannotHaveItWaitsInTheQueue) {
  for (const bool bound : {false, true}) {
    Life agent(WithInput());
    ArtifactFound found = kFound;
    found.bound = bound;
    agent.Answer<FindArtifact>(OkStatus(), found);
    EXPECT_EQ(agent
                  .Answer<DownloadBlob>(Status(StatusCode::kFailedPrecondition,
                                               ErrorReason::kBoundToSite, "no worker gives it"))
                  .bound,
              bound);
    const Outcome end = agent.End();
    EXPECT_EQ(end.failure.category, "infra") << "it is tried again";
    EXPECT_FALSE(end.failure.deterministic);
    EXPECT_EQ(end.failure.error, "fetching shards.bin: no worker gives it");
    EXPECT_EQ(end.failure.reason, "BOUND_TO_SITE");
  }
}

TEST(RankInputsTest, AWrongDigestIsFetchedOnceMoreThenAskedAbout) {
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

TEST(RankInputsTest, ABlobThatANeighbourTookOutOfTheCacheIsFetchedAgain) {
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

TEST(RankInputsTest, TwoRanksThatNeedOneArtifactFetchItOnce) {
  Life agent(WithInput());
  Assignment other = WithInput();
  other.key.job = "b";
  agent.Want({WithInput(), other});
  EXPECT_THAT(agent.Open<FindArtifact>(), SizeIs(1));
  agent.Answer<FindArtifact>(OkStatus(), kFound);
  // That the first rank is not wanted any more does not end the download for the other one.
  agent.Want({other});
  EXPECT_THAT(agent.Take<CancelWork>(), IsEmpty());
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>();
  const auto starts = agent.Take<StartProgram>();
  ASSERT_THAT(starts, SizeIs(1));
  EXPECT_EQ(starts[0].assignment.key.job, "b");
}

}  // namespace
}  // namespace braid::worker
