#include "recipe/graph/merge_jobs.h"

#include <gmock/gmock.h>

namespace braid::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Merge TwoPaths() {
  Merge merge;
  merge.name = "both";
  merge.seed = 7;
  merge.sequence = 32;
  merge.parents = {{"b", {"", "", "", "id-b"}}, {"a", {"", "", "", "id-a"}}};
  return merge;
}

TEST(MergeJobsTest, WithoutDataThereIsNothingToProveItOn) {
  const std::vector<JobNode> jobs = MergeJobs(TwoPaths());
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].name, "merge:both");
  EXPECT_EQ(jobs[0].spec["parents"], Json({"b", "a"})) << "in the order of their slices";
  EXPECT_EQ(jobs[0].inputs.at("parent.a").artifact, "id-a");
  EXPECT_THAT(jobs[0].parents, SizeIs(0));
  EXPECT_FALSE(jobs[0].spec.contains("base"));
}

TEST(MergeJobsTest, TheJointPhaseTakesWhatThePathsLeft) {
  Merge merge = TwoPaths();
  merge.data = {{"tales", {"", "", "", "shards"}}};
  JointPhase joint;
  joint.settings.ranks = 2;
  joint.tokenizer = {"merge:both", "model", "", ""};
  joint.split.paths = 0.25;
  joint.split.unit = spec::SplitUnit::kDocument;
  joint.loss_average = spec::LossAverage::kBatchMean;
  merge.joint = joint;
  const std::vector<JobNode> jobs = MergeJobs(merge);
  ASSERT_THAT(jobs, SizeIs(3));
  EXPECT_THAT(jobs[1].parents, ElementsAre("merge:both"));
  EXPECT_THAT(jobs[2].parents, ElementsAre("gate:both", "merge:both"));
  EXPECT_EQ(jobs[2].ranks, 2);
  EXPECT_EQ(jobs[2].spec["data"]["split"], Json({{"paths", 0.25}, {"unit", "document"}}));
  EXPECT_EQ(jobs[2].spec["data"]["sources"][0], Json({{"role", "data.tales"}, {"share", "joint"}}));
  EXPECT_EQ(jobs[2].spec["loss_average"], "batch_mean");
  EXPECT_EQ(jobs[2].inputs.at("data.tales").artifact, "shards");
}

TEST(MergeJobsTest, ABaseIsMergedWithAndNotProved) {
  Merge merge = TwoPaths();
  merge.base = InputRef{"", "", "", "composite"};
  merge.data = {{"tales", {"", "", "", "shards"}}};
  const std::vector<JobNode> jobs = MergeJobs(merge);
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].spec["base"], true);
  EXPECT_EQ(jobs[0].inputs.at("base").artifact, "composite");
  EXPECT_EQ(jobs[1].spec["base"], true);
  EXPECT_FALSE(jobs[1].inputs.contains("base"));
}

}  // namespace
}  // namespace braid::recipe
