#include "trainer/loop/settings.h"

#include <gmock/gmock.h>

#include "tests/trainer/small_world.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrainSettings Settings(int64_t batch, int64_t accumulate, int64_t epochs) {
  TrainSettings settings;
  settings.batch = batch;
  settings.accumulate = accumulate;
  settings.epochs = epochs;
  settings.data.sequence = 8;
  return settings;
}

TEST(PlanStepsTest, TheTailIsDroppedOrFlushed) {
  TrainSettings settings = Settings(4, 3, 2);
  // 42 sequences are 10 whole micro-batches: three steps, one micro-batch and two sequences over.
  StepPlan plan = PlanSteps(settings, 42).value();
  EXPECT_EQ(plan.per_epoch, 3);
  EXPECT_EQ(plan.total, 6);
  EXPECT_EQ(plan.At(settings, 4).epoch, 1);
  EXPECT_EQ(plan.At(settings, 4).first, 12);
  EXPECT_EQ(plan.At(settings, 2).micro_batches, 3);

  settings.accum_tail = "flush";
  plan = PlanSteps(settings, 42).value();
  EXPECT_EQ(plan.total, 8);
  EXPECT_EQ(plan.At(settings, 3).first, 36);
  EXPECT_EQ(plan.At(settings, 3).micro_batches, 1);
  EXPECT_EQ(plan.At(settings, 4).micro_batches, 3);
  // Nothing is left over: the last step is as long as any other.
  EXPECT_EQ(PlanSteps(settings, 24)->At(settings, 1).micro_batches, 3);
}

TEST(PlanStepsTest, StepsAndTokensEndTrainingEarlier) {
  TrainSettings settings = Settings(4, 2, 10);
  EXPECT_EQ(PlanSteps(settings, 80)->total, 100);
  settings.steps = 30;
  EXPECT_EQ(PlanSteps(settings, 80)->total, 30);
  settings.tokens = 7 * 4 * 2 * 8 + 5;  // not one step more than the tokens pay for
  EXPECT_EQ(PlanSteps(settings, 80)->total, 7);
}

TEST(PlanStepsTest, AnEpochWithoutAStepIsRefused) {
  EXPECT_THAT(PlanSteps(Settings(4, 3, 1), 11).status().message(),
              HasSubstr("an epoch of 11 sequences has not one step of batch 4 x accumulate 3"));
}

TEST(MakeLabelsTest, ShiftsAndIgnoresThePadAndTheLast) {
  const int32_t ids[] = {5, 6, 9, 9};
  int32_t labels[4];
  MakeLabels(ids, 4, 9, labels);
  EXPECT_THAT(labels, ElementsAre(6, kIgnore, kIgnore, kIgnore));
}

TEST(ReadTrainSettingsTest, ErrorsNameTheField) {
  const SmallWorld world;
  const Json good = world.TrainTask("t", world.Dense("m")).spec;
  ASSERT_TRUE(ReadTrainSettings(good).ok()) << ReadTrainSettings(good).status().message();
  const std::vector<std::tuple<const char*, Json, const char*>> table = {
      {"/train/batch", 0, "spec.train.batch: must be at least 1"},
      {"/train/accum_tail", "carry", "spec.train.accum_tail"},
      {"/train/lr_schedule", "linear", "spec.train.lr_schedule"},
      {"/train/warmup", 1, "spec.train.warmup"},
      {"/train/optimizer/lr", 0.0, "spec.train.optimizer.lr: must be above 0"},
      {"/train/optimizer/betas", Json::array({0.9}), "spec.train.optimizer.betas: expected two numbers"},
      {"/train/optimizer/betas", Json::array({0.9, 1.0}), "spec.train.optimizer.betas: must be at least 0 and below 1"},
      {"/train/optimizer/eps", 0, "spec.train.optimizer.eps: must be above 0"},
      {"/train/optimizer/momentum", 1, "spec.train.optimizer.momentum"},
      {"/train/checkpoint/minutes", 1, "spec.train.checkpoint.minutes"},
      {"/train/validate/steps", "often", "spec.train.validate.steps"},
      {"/data/sources/0/share", "half", "spec.data.sources.0.share"},
      {"/model/dense/heads", 3, "spec.model.dense.heads"},
      {"/loss_average", "batch_mean", "spec.loss_average"},
  };
  for (const auto& [pointer, value, message] : table) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const auto settings = ReadTrainSettings(bad);
    ASSERT_FALSE(settings.ok()) << pointer;
    EXPECT_THAT(settings.status().message(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace braid::trainer
