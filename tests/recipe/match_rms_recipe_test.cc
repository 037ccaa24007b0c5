// `match_rms` of joint phases.
#include <gmock/gmock.h>

#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

Json JointTrain(const std::string& text) {
  const Dag dag = MustExpand(text);
  return dag.Find("joint:c") != nullptr ? dag.Find("joint:c")->spec["train"] : Json();
}

TEST(MatchRmsRecipeTest, TheJointPhaseIsToldToMatch) {
  EXPECT_EQ(JointTrain(std::string(kSmall) + "joint: {match_rms: true}\n")["match_rms"], true);
  EXPECT_EQ(JointTrain(Composed("connect: routed, joint: {match_rms: true}"))["match_rms"], true);
  // A recipe without it makes the task that it always made.
  EXPECT_FALSE(JointTrain(kSmall).contains("match_rms"));
  EXPECT_EQ(JointTrain(Composed("joint: {match_rms: false}") + "joint: {match_rms: true}\n"),
            JointTrain(kSmall));
}

// What the recipe's `joint` says may be of another composite.
TEST(MatchRmsRecipeTest, OfAllCompositesItIsOfThoseThatHaveSuchMaps) {
  const std::string all = "joint: {match_rms: true}\n";
  for (const char* other : {"connect: slice", "residual: true", "norm: true"})
    EXPECT_EQ(JointTrain(Composed(other) + all), JointTrain(Composed(other))) << other;
  const Dag dag = MustExpand(Composed("start: auto") + all);
  EXPECT_TRUE(dag.Find("joint:c-share@rung_1")->spec["train"].contains("match_rms"));
  EXPECT_FALSE(dag.Find("joint:c-slice@rung_1")->spec["train"].contains("match_rms"));
}

TEST(MatchRmsRecipeTest, OfSeveralStartsItIsOfThoseThatHaveSuchMaps) {
  const Dag dag = MustExpand(
      Composed("start: auto, joint: {match_rms: true}, starts: {a: {connect: share}, b: {connect: "
               "slice}}"));
  EXPECT_TRUE(dag.Find("joint:c-a@rung_1")->spec["train"].contains("match_rms"));
  EXPECT_FALSE(dag.Find("joint:c-b@rung_1")->spec["train"].contains("match_rms"));
}

TEST(MatchRmsRecipeTest, WhatDoesNothingIsRefused) {
  EXPECT_THAT(ErrorOf(Composed("connect: slice, joint: {match_rms: true}")),
              HasSubstr("composites.0.joint.match_rms: does nothing: in a slice composite each "
                        "path keeps its own stream; leave it out"));
  EXPECT_THAT(ErrorOf(Composed("norm: true, joint: {match_rms: true}")),
              HasSubstr("joint.match_rms: a connection with norm sets the size of the stream by "
                        "itself; leave one of the two out"));
  EXPECT_THAT(ErrorOf(Composed("residual: true, joint: {match_rms: true}")),
              HasSubstr("joint.match_rms: a connection with residual adds to a stream that has its "
                        "size already; leave one of the two out"));
  EXPECT_THAT(ErrorOf(Composed("base: ./old, paths: [{name: a, corpus: tales, d: 32, heads: 2, "
                               "blocks: 2}, path_2], joint: {match_rms: true}")),
              HasSubstr("joint.match_rms: over a base the maps are trained already; leave it out"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, match_rms: true")),
              HasSubstr("train.match_rms: no such key"));
}

}  // namespace
}  // namespace braid::recipe
