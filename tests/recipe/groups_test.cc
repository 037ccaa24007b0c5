// `groups` and `first` of joint phases.
#include <gmock/gmock.h>

#include "recipe/graph/pretrained.h"
#include "schema/read.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

// The settings of the job that trains the composite, as its task reads them.
spec::TaskTrain JointOf(const std::string& text) {
  const Dag dag = MustExpand(text);
  const auto task = schema::FromJson<spec::TrainTask>(dag.Find("joint:c")->spec, "spec");
  EXPECT_TRUE(task.ok()) << task.status().message();
  return task.ok() ? task->train : spec::TaskTrain();
}

TEST(GroupsTest, ReachTheTaskInTheirOrder) {
  const spec::TaskTrain train = JointOf(
      Composed("connect: slice, joint: {groups: [{of: gates, lr_factor: 3, warmup_steps: 5}], "
               "first: {only: [gates, large], steps: 20}}") +
      "joint: {groups: [{of: [copied], lr_factor: 0.3, weight_decay: 0}]}\n");
  ASSERT_EQ(train.groups.size(), 2u) << "those of the recipe come before the composite's";
  EXPECT_EQ(train.groups[0].of, std::vector<spec::TensorPart>{Word("copied")});
  EXPECT_EQ(train.groups[0].lr_factor, 0.3);
  EXPECT_EQ(train.groups[0].weight_decay, 0);
  EXPECT_EQ(train.groups[1].of, std::vector<spec::TensorPart>{Word("gates")});
  EXPECT_EQ(train.groups[1].warmup_steps, 5);
  ASSERT_TRUE(train.first.has_value());
  EXPECT_EQ(train.first->steps, 20);
  // A recipe without them makes the task that it always made.
  const Json plain = MustExpand(kSmall).Find("joint:c")->spec["train"];
  EXPECT_FALSE(plain.contains("groups") || plain.contains("first") || plain.contains("average"));
}

TEST(GroupsTest, MomentsOfAGroupAreMergedForItAlone) {
  const std::string carry = Composed(
      "connect: slice, joint: {groups: [{of: paths, moments: carry}]}");
  EXPECT_EQ(MustExpand(carry).Find("merge:c")->spec["carry_optimizer"], true);
  const spec::TaskTrain train = JointOf(carry);
  ASSERT_EQ(train.groups.size(), 2u);
  model::ModelSpec composite = MustParse(carry).composites[0].spec;
  const auto moments = [&](const std::string& tensor) {
    return spec::TreatmentOf(tensor, composite, train.groups).moments;
  };
  EXPECT_EQ(moments("parallel.0.path.1.attn.q.weight"), spec::GroupMoments::kCarry);
  EXPECT_EQ(moments("embed.weight"), spec::GroupMoments::kReset);
  EXPECT_EQ(moments("large.0.attn.q.weight"), spec::GroupMoments::kReset);
  // A checkpoint of `from` is asked for its state before the run begins.
  for (const char* word : {"carry", "reset"}) {
    const Recipe given = MustParse(
        Replaced("corpus: tales", "corpus: tales, from: ./a",
                 Composed(std::string("joint: {groups: [{of: paths, moments: ") + word + "}]}")));
    const auto required = CheckpointRequirements(given);
    ASSERT_EQ(required.size(), 1u);
    EXPECT_EQ(required[0].moments, std::string(word) == "carry");
  }
  // All carry, one group begins anew.
  const std::string reset = Composed(
      "joint: {carry_optimizer: true, groups: [{of: head, moments: reset}]}");
  EXPECT_EQ(MustExpand(reset).Find("merge:c")->spec["carry_optimizer"], true);
  EXPECT_EQ(JointOf(reset).groups.size(), 1u);
  EXPECT_EQ(MustExpand(Composed("joint: {groups: [{of: head, moments: reset}]}"))
                .Find("merge:c")
                ->spec["carry_optimizer"],
            false);
}

TEST(GroupsTest, WhatACompositeDoesNotHaveIsRefusedWhereItIsNamed) {
  EXPECT_THAT(
      ErrorOf(Composed("joint: {groups: [{of: head, lr_factor: 2}, {of: gates, lr_factor: "
                       "2}]}")),
      HasSubstr("composites.0.joint.groups.1.of: names no tensors of composite c, which has "
                "connect share"));
  EXPECT_THAT(ErrorOf(Composed("joint: {first: {only: [gates, cross], steps: 3}}")),
              HasSubstr("composites.0.joint.first.only: names no tensors of composite c, which has "
                        "connect share"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "joint: {first: {only: routers, steps: 3}}\n"),
              HasSubstr("composites.0.joint.first.only: names no tensors of composite c"));
  EXPECT_THAT(ErrorOf(Composed("joint: {freeze_paths: true, first: {only: paths, steps: 3}}")),
              HasSubstr("composites.0.joint.first.only: names blocks of the paths alone, which "
                        "freeze_paths freezes"));
  // A group of the whole recipe may be of another composite.
  MustParse(std::string(kSmall) + "joint: {groups: [{of: gates, lr_factor: 2}]}\n");
  EXPECT_THAT(ErrorOf(Composed("joint: {groups: [{of: gate, lr_factor: 2}]}")),
              HasSubstr("composites.0.joint.groups.0.of: expected copied or new or embedding or "
                        "paths or norm or head or large or gates or routers or cross or "
                        "connections, found \"gate\"; did you mean gates?"));
  EXPECT_THAT(ErrorOf(Composed("joint: {groups: [{of: head}]}")),
              HasSubstr("composites.0.joint.groups.0.of: says nothing of them; give lr_factor, "
                        "warmup_steps, weight_decay or moments"));
  EXPECT_THAT(ErrorOf(Composed("joint: {groups: [{lr_factor: 2}]}")),
              HasSubstr("composites.0.joint.groups.0.of: is missing"));
  EXPECT_THAT(ErrorOf(Composed("joint: {first: {only: head}}")),
              HasSubstr("composites.0.joint.first.steps: is missing"));
}

}  // namespace
}  // namespace braid::recipe
