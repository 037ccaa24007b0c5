// Submissions and merges without a core, a server or a thread.
#include "coordinator/submission/submission.h"

#include <gmock/gmock.h>

#include "coordinator/submission/merge_submission.h"
#include "model/spec.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Artifacts by id, each of a kind.
class FakeArtifacts final : public StoredArtifacts {
 public:
  Result<catalog::ArtifactRecord> Find(const std::string& id) const override {
    const auto kind = kinds.find(id);
    if (kind == kinds.end()) return NotFound("there is no artifact " + id);
    catalog::ArtifactRecord artifact;
    artifact.id = id;
    artifact.kind = kind->second;
    return artifact;
  }
  Result<merge::Parent> ReadCheckpoint(const std::string&, const catalog::ArtifactRecord&,
                                       bool) const override {
    return NotFound("no checkpoint is read here");
  }
  std::map<std::string, std::string> kinds;
};

constexpr char kRecipe[] =
    "run: small\npriority: 3\ntokenizer: {train: {vocab: 300}}\n"
    "corpora: {c: {files: [a.jsonl]}}\n"
    "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n";

std::vector<std::string> NamesOf(const SubmitCommand& command) {
  std::vector<std::string> names;
  for (const recipe::JobNode& job : command.dag.jobs) names.push_back(job.name);
  return names;
}

TEST(SubmissionTest, ARecipeBecomesItsJobs) {
  Submission submission;
  submission.recipe = kRecipe;
  submission.user = "ada";
  const auto command = CommandOf(submission, FakeArtifacts());
  ASSERT_TRUE(command.ok()) << command.status().message();
  EXPECT_THAT(NamesOf(*command),
              ElementsAre("tokenizer", "prepare:c", "m", "evaluate:m", "report"));
  EXPECT_EQ(command->priority, 3);
  EXPECT_EQ(command->user, "ada");
  EXPECT_EQ(command->dag.run, "small");
  submission.priority = -2;
  submission.only = {"prepare:c"};
  const auto part = CommandOf(submission, FakeArtifacts());
  ASSERT_TRUE(part.ok());
  EXPECT_THAT(NamesOf(*part), ElementsAre("tokenizer", "prepare:c"));
  EXPECT_EQ(part->priority, -2);
  EXPECT_TRUE(part->preempts);
  submission.recipe += "preempt: false\n";
  EXPECT_FALSE(CommandOf(submission, FakeArtifacts())->preempts);
}

TEST(SubmissionTest, AnErrorNamesTheFileAndTheLine) {
  Submission submission;
  submission.recipe = "run: small\nbaselines: 5\n";
  submission.recipe_name = "mine.yaml";
  const Status status = CommandOf(submission, FakeArtifacts()).status();
  EXPECT_EQ(status.reason(), "INVALID_RECIPE");
  EXPECT_THAT(status.message(), HasSubstr("mine.yaml:2"));
}

StoredMergePlan TwoPaths() {
  StoredMergePlan planned;
  planned.plan.sources = {"b", "a"};
  planned.plan.model.sequence = 64;
  planned.ids = {"id-b", "id-a"};
  return planned;
}

TEST(MergeSubmissionTest, WithoutDataItIsAMergeAlone) {
  const auto command = CommandOf(MergeSubmission(), TwoPaths(), FakeArtifacts());
  ASSERT_TRUE(command.ok());
  EXPECT_THAT(NamesOf(*command), ElementsAre("merge:composite"));
  EXPECT_EQ(command->dag.run, "merge");
  EXPECT_EQ(command->dag.jobs[0].inputs.at("parent.b").artifact, "id-b");
}

TEST(MergeSubmissionTest, TheJointPhaseIsSplitAndMeasuredAsItsRecipeWas) {
  FakeArtifacts stored;
  stored.kinds = {{"s1", "shards"}, {"t1", "tokenizer"}};
  MergeSubmission submission;
  submission.data = {{"tales", "s1"}};
  submission.joint = "{ranks: 2}";
  submission.split_paths = 0.75;
  submission.split_unit = "document";
  submission.split_shuffle = "groups";
  submission.loss_average = "batch_mean";
  submission.seed = 11;
  const auto command = CommandOf(submission, TwoPaths(), stored);
  ASSERT_TRUE(command.ok()) << command.status().message();
  EXPECT_THAT(NamesOf(*command),
              ElementsAre("merge:composite", "gate:composite", "joint:composite"));
  const recipe::JobNode& joint = command->dag.jobs[2];
  EXPECT_EQ(joint.ranks, 2);
  EXPECT_EQ(joint.spec["data"]["split"],
            Json({{"paths", 0.75}, {"unit", "document"}, {"shuffle", "groups"}}));
  EXPECT_EQ(joint.spec["data"]["sequence"], 64);
  EXPECT_EQ(joint.spec["loss_average"], "batch_mean");
  EXPECT_EQ(joint.spec["seed"], 11);
  EXPECT_THAT(joint.parents, ElementsAre("gate:composite", "merge:composite"));
}

TEST(MergeSubmissionTest, WhatCannotBeIsRefusedByName) {
  FakeArtifacts stored;
  stored.kinds = {{"s1", "shards"}, {"t1", "tokenizer"}};
  const auto refused = [&](auto change) {
    MergeSubmission submission;
    submission.data = {{"tales", "s1"}};
    submission.joint = "{}";
    change(submission);
    return CommandOf(submission, TwoPaths(), stored).status().message();
  };
  EXPECT_THAT(refused([](auto& s) { s.data.clear(); }), HasSubstr("joint: needs data"));
  EXPECT_THAT(refused([](auto& s) { s.data["tales"] = "t1"; }),
              HasSubstr("data tales: artifact t1 is a tokenizer, not shards"));
  EXPECT_THAT(refused([](auto& s) { s.split_paths = 1.0; }), HasSubstr("split_paths 1"));
  EXPECT_THAT(refused([](auto& s) { s.split_unit = "word"; }), HasSubstr("split_unit word"));
  EXPECT_THAT(refused([](auto& s) { s.split_shuffle = "cards"; }),
              HasSubstr("split_shuffle cards"));
  EXPECT_THAT(refused([](auto& s) { s.loss_average = "median"; }),
              HasSubstr("loss_average median"));
  EXPECT_THAT(refused([](auto& s) { s.joint = "{rank: 2}"; }), HasSubstr("rank"));
  EXPECT_THAT(refused([](auto& s) { s.joint = "{teachers: {weight: 1}}"; }),
              HasSubstr("joint.teachers: parents teach on their own corpora, and a merge without a "
                        "recipe does not know which these are; write a recipe whose paths have "
                        "`from`, or leave teachers out"));
  const auto no_match = [&](auto change) {
    StoredMergePlan planned = TwoPaths();
    planned.plan.model.kind = model::Kind::kComposite;
    change(planned.plan);
    MergeSubmission submission;
    submission.data = {{"tales", "s1"}};
    submission.joint = "{match_rms: true}";
    return CommandOf(submission, planned, stored).status().message();
  };
  EXPECT_EQ(no_match([](auto&) {}), "");
  EXPECT_THAT(no_match([](auto& plan) { plan.base = true; }),
              HasSubstr("joint.match_rms: over a base the maps are trained already"));
  EXPECT_THAT(
      no_match([](auto& plan) { plan.model.connection.kind = model::ConnectionKind::kSlice; }),
      HasSubstr("joint.match_rms: does nothing: in a slice composite each path keeps its "
                "own stream; leave it out"));
}

}  // namespace
}  // namespace braid::coordinator
