// `teachers` of joint phases.
#include "spec/teachers.h"

#include <gmock/gmock.h>

#include "schema/read.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

spec::TrainTask TaughtTask(const Dag& dag) {
  const auto task = schema::FromJson<spec::TrainTask>(dag.Find("joint:c")->spec, "spec");
  EXPECT_TRUE(task.ok()) << task.status().message();
  return task.ok() ? *task : spec::TrainTask();
}

TEST(TeachersTest, TheWeightFallsLinearly) {
  const spec::Teachers teachers{.weight = 0.8, .until = 0.5};
  EXPECT_DOUBLE_EQ(teachers.WeightAt(0, 20), 0.8);
  EXPECT_DOUBLE_EQ(teachers.WeightAt(5, 20), 0.4);
  EXPECT_DOUBLE_EQ(teachers.WeightAt(10, 20), 0);
  EXPECT_DOUBLE_EQ(teachers.WeightAt(19, 20), 0);
  EXPECT_EQ((spec::Teachers{.until = 0.07}.WeightAt(7, 100)), 0) << "0.07 * 100 is above 7";
  EXPECT_GT((spec::Teachers{.until = 0.07}.WeightAt(6, 100)), 0);
  EXPECT_EQ((spec::Teachers{.weight = 2, .until = 0.01}.WeightAt(0, 10)), 2) << "one step at least";
  EXPECT_DOUBLE_EQ((spec::Teachers{.weight = 3, .until = 1}.WeightAt(9, 10)), 0.3);
}

TEST(TeachersTest, EachParentTeachesOnItsOwnCorpus) {
  const Dag dag = MustExpand(std::string(kSmall) + "joint: {teachers: {weight: 0.7}}\n");
  const spec::TrainTask task = TaughtTask(dag);
  ASSERT_NE(task.train.teaching(), nullptr);
  EXPECT_EQ(task.train.teachers->weight, 0.7);
  EXPECT_EQ(task.train.teachers->until, 0.5);
  EXPECT_EQ(task.train.teachers->temperature, 1);
  ASSERT_EQ(task.lessons.size(), 2u);
  EXPECT_EQ(task.lessons[0].teacher, "parent.path_1");
  EXPECT_EQ(task.lessons[0].data, "data.tales");
  EXPECT_EQ(task.lessons[1].teacher, "parent.path_2");
  EXPECT_EQ(task.lessons[1].data, "data.sums");
  // The checkpoints that were merged.
  const JobNode& joint = *dag.Find("joint:c");
  EXPECT_EQ(joint.inputs.at("parent.path_1"), dag.Find("merge:c")->inputs.at("parent.path_1"));
  EXPECT_THAT(joint.parents, testing::Contains("path_2"));
  // A recipe without them makes the task that it always made.
  const Dag without = MustExpand(kSmall);
  const JobNode& plain = *without.Find("joint:c");
  EXPECT_FALSE(plain.spec["train"].contains("teachers") || plain.spec.contains("lessons"));
  EXPECT_FALSE(plain.inputs.contains("parent.path_1"));
}

TEST(TeachersTest, ACompositeMayDoWithoutThem) {
  const Dag dag = MustExpand(Composed("joint: {teachers: {weight: 0}}") +
                             "joint: {teachers: {until: 0.25}}\n");
  const Dag without = MustExpand(kSmall);
  const JobNode &off = *dag.Find("joint:c"), &plain = *without.Find("joint:c");
  EXPECT_EQ(off.spec, plain.spec);
  EXPECT_EQ(off.inputs, plain.inputs);
}

// A forward pass of each path for its own corpus, while it teaches.
TEST(TeachersTest, ThePlanCountsWhatTheyCost) {
  const Known known{.tokens = {{"tales", 90'000}, {"sums", 1000}}};
  const auto joint = [&](const std::string& more) {
    return MustExpand(std::string(kSmall) + more, known).Find("joint:c")->estimate;
  };
  const Estimate plain = joint(""), taught = joint("joint: {teachers: {until: 0.25}}\n");
  EXPECT_EQ(taught.tokens, plain.tokens);
  model::ModelSpec path = MustParse(kSmall).paths[0].spec;
  path.vocab = 401;
  const double pass = model::ForwardFlopsPerToken(path);
  EXPECT_NEAR((taught.flops - plain.flops) / (0.25 * pass * static_cast<double>(plain.tokens)), 1,
              1e-6);
  EXPECT_EQ(joint("joint: {teachers: {weight: 0}}\n").flops, plain.flops);
}

TEST(TeachersTest, OfSeveralStartsEachIsTaught) {
  const Dag dag = MustExpand(Composed("start: auto, joint: {teachers: {weight: 0.5}}"));
  for (const char* job : {"joint:c-slice@rung_1", "joint:c-slice", "joint:c-share"}) {
    ASSERT_NE(dag.Find(job), nullptr) << job;
    EXPECT_TRUE(dag.Find(job)->inputs.contains("parent.path_1")) << job;
    EXPECT_EQ(dag.Find(job)->spec["lessons"].size(), 2u) << job;
  }
}

TEST(TeachersTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "joint: {teachers: {until: 0}}\n"),
              HasSubstr("r.yaml:14:27: joint.teachers.until: must be above 0 and at most 1, is 0"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "joint: {teachers: {weight: -1}}\n"),
              HasSubstr("joint.teachers.weight: must not be negative, is -1"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "joint: {teachers: {temperature: 0}}\n"),
              HasSubstr("joint.teachers.temperature: must be above 0, is 0"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, teachers: {weight: 1}")),
              HasSubstr("train.teachers: no such key"));
  const char kept[] =
      "base: ./old, paths: [{name: a, corpus: tales, d: 32, heads: 2, blocks: 2}, {name: b, "
      "corpus: sums, d: 32, heads: 2, blocks: 2}], joint: {teachers: {weight: 1}}";
  EXPECT_THAT(ErrorOf(Composed(kept)),
              HasSubstr("composites.0.joint: teachers: composite c takes all its paths from its "
                        "base, so that there is no parent to teach it; give teachers: {weight: 0}, "
                        "or a path of the recipe"));
  // One that is kept does not teach, the other does.
  const Dag dag = MustExpand(
      Composed("base: ./old, paths: [{name: a, corpus: tales, d: 32, heads: 2, blocks: 2}, "
               "path_2], joint: {teachers: {weight: 1}}"));
  ASSERT_EQ(TaughtTask(dag).lessons.size(), 1u);
  EXPECT_EQ(TaughtTask(dag).lessons[0].data, "data.sums");
}

}  // namespace
}  // namespace braid::recipe
