// What a rank does with outputs that are bound to the site of its worker.
#include "tests/worker/rank_life_fixture.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Assignment BoundAssignment(task::Binding binding) {
  Assignment assignment = Train("a");
  assignment.binding = binding;
  assignment.site = "lab";
  return assignment;
}

TEST(RankBindingTest, ABoundOutputIsKeptAndOthersAreSentUnderTheirNames) {
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

TEST(RankBindingTest, AnOutputThatCannotBeKeptIsAFailure) {
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

TEST(RankBindingTest, ABoundCheckpointIsCommittedAndStays) {
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

}  // namespace
}  // namespace braid::worker
