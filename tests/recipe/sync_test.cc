// `sync` of joint phases.
#include <gmock/gmock.h>

#include "schema/read.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

// Of the job that trains the composite, as its task reads it.
std::optional<spec::Sync> SyncOf(const std::string& text) {
  const Dag dag = MustExpand(text);
  const auto task = schema::FromJson<spec::TrainTask>(dag.Find("joint:c")->spec, "spec");
  EXPECT_TRUE(task.ok()) << task.status().message();
  return task.ok() ? task->train.sync : std::nullopt;
}

TEST(SyncTest, OneWordStandsForItsDefaults) {
  const auto sync = SyncOf(Composed("joint: {ranks: 2, sync: diloco}"));
  ASSERT_TRUE(sync.has_value());
  EXPECT_EQ(sync->method, spec::SyncMethod::kDiloco);
  EXPECT_EQ(sync->every, 50);
  EXPECT_EQ(sync->exchange, spec::ExchangeFormat::kFp32);
  EXPECT_EQ(sync->outer.lr, 0.7);
  EXPECT_EQ(sync->outer.momentum, 0.9);
  // A recipe without it makes the task that it always made.
  EXPECT_FALSE(MustExpand(kSmall).Find("joint:c")->spec["train"].contains("sync"));
}

TEST(SyncTest, ACompositeSaysMoreThanTheRecipe) {
  const std::string all = "joint: {ranks: 2, sync: {every: 10, outer: {lr: 1, momentum: 0}}}\n";
  const auto own = SyncOf(Composed("joint: {sync: {exchange: bf16}}") + all);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->every, 10);
  EXPECT_EQ(own->exchange, spec::ExchangeFormat::kBf16);
  EXPECT_EQ(own->outer.lr, 1);
  EXPECT_EQ(SyncOf(Composed("joint: {sync: gradients}") + all)->method,
            spec::SyncMethod::kGradients);
}

TEST(SyncTest, WhatIsWrongIsSaid) {
  const auto error = [](const char* joint) { return ErrorOf(Composed(joint)); };
  EXPECT_THAT(error("joint: {sync: dilco}"),
              HasSubstr("composites.0.joint.sync: expected gradients or diloco, found \"dilco\"; "
                        "did you mean diloco?"));
  EXPECT_THAT(error("joint: {sync: {every: 0}}"),
              HasSubstr("composites.0.joint.sync.every: must be in 1 .. 100000, is 0"));
  EXPECT_THAT(error("joint: {sync: {outer: {momentum: 1}}}"),
              HasSubstr("composites.0.joint.sync.outer.momentum: must be at least 0 and below 1"));
  EXPECT_THAT(
      error("joint: {sync: {method: gradients, outer: {lr: 1}}}"),
      HasSubstr("composites.0.joint.sync.outer: is of method diloco; here it is gradients"));
  EXPECT_THAT(error("joint: {sync: diloco, average: {last: 2}}"),
              HasSubstr("composites.0.joint.sync: average takes the weights behind single steps, "
                        "and with sync: diloco the ranks have the same weights only behind outer "
                        "steps; leave one of the two out"));
  EXPECT_THAT(
      error("joint: {sync: {exchange: bf16}, device: cuda}"),
      HasSubstr("composites.0.joint.sync.exchange: bf16 works on device: cpu only; for ranks "
                "on GPUs set exchange: fp32"));
}

TEST(SyncTest, ThePlanKnowsWhatRanksExchange) {
  const auto exchange = [](const char* joint) {
    return MustExpand(Composed(joint)).Find("joint:c")->estimate.exchange;
  };
  const int64_t parameters = MustExpand(kSmall).Find("joint:c")->estimate.parameters;
  // Of two ranks each sends half of the numbers to be added up, and half of the sums.
  EXPECT_EQ(exchange("joint: {ranks: 2}").every, 1);
  EXPECT_EQ(exchange("joint: {ranks: 2}").bytes, 4 * parameters);
  EXPECT_EQ(exchange("joint: {ranks: 2}").checkpoint_bytes, 0);
  const Exchange fp32 = exchange("joint: {ranks: 2, sync: {every: 20}}");
  EXPECT_EQ(fp32.every, 20);
  EXPECT_EQ(fp32.bytes, 4 * parameters);
  EXPECT_EQ(fp32.checkpoint_bytes, 8 * parameters);  // two moments
  EXPECT_EQ(exchange("joint: {ranks: 2, sync: {exchange: bf16}}").bytes, 2 * parameters);
  EXPECT_EQ(exchange("joint: {ranks: 4, batch: 4, sync: diloco}").bytes,
            4 * parameters / 4 * 2 * 3);
  EXPECT_EQ(exchange("joint: {ranks: 1, sync: diloco}").every, 0);
}

TEST(SyncTest, ATrainingOfOneRoundIsWarnedOf) {
  const auto cautions = [](const std::string& joint) {
    std::string all;
    for (const Caution& caution : MustExpand(Composed(joint.c_str())).cautions)
      if (caution.job == "joint:c") all += caution.text;
    return all;
  };
  EXPECT_EQ(cautions("joint: {ranks: 2, steps: 40, sync: {every: 40}}"),
            "sync.every 40: the whole training has at most 40 steps, so that the ranks agree once, "
            "at its end; lower it");
  EXPECT_EQ(cautions("joint: {ranks: 2, steps: 40, sync: {every: 10}}"), "");
}

}  // namespace
}  // namespace braid::recipe
