#include "trainer/loop/settings.h"

#include <gmock/gmock.h>

#include <set>

#include "spec/train.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Epoch and first sequence of each micro-batch.
std::vector<std::pair<int64_t, int64_t>> Firsts(const StepPlace& place) {
  std::vector<std::pair<int64_t, int64_t>> firsts;
  for (const MicroPlace& micro : place.micro_batches) firsts.emplace_back(micro.epoch, micro.first);
  return firsts;
}

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
  EXPECT_THAT(Firsts(plan.At(settings, 4)), ElementsAre(Pair(1, 12), Pair(1, 16), Pair(1, 20)));
  EXPECT_THAT(Firsts(plan.At(settings, 2)), ElementsAre(Pair(0, 24), Pair(0, 28), Pair(0, 32)));
  EXPECT_EQ(plan.At(settings, 2).divisor, 3);

  settings.accum_tail = Word("flush");
  plan = PlanSteps(settings, 42).value();
  EXPECT_EQ(plan.total, 8);
  EXPECT_THAT(Firsts(plan.At(settings, 3)), ElementsAre(Pair(0, 36)));
  EXPECT_EQ(plan.At(settings, 3).divisor, 1);
  EXPECT_THAT(Firsts(plan.At(settings, 4)), ElementsAre(Pair(1, 0), Pair(1, 4), Pair(1, 8)));
  // Nothing is left over: the last step is as long as any other.
  EXPECT_EQ(PlanSteps(settings, 24)->At(settings, 1).micro_batches.size(), 3u);
}

TEST(PlanStepsTest, AJobWithOuterStepsEndsWithARound) {
  TrainSettings settings = Settings(4, 3, 4);  // 12 steps
  settings.outer_steps.emplace().every = 5;
  for (const auto& [until, end] : {std::pair(0.01, 5), {0.5, 5}, {0.7, 10}, {0.9, 10}, {1.0, 12}}) {
    settings.until = until;
    const StepPlan plan = PlanSteps(settings, 42).value();
    EXPECT_EQ(plan.total, 12);
    EXPECT_EQ(plan.job_end, end) << until;
  }
  settings.outer_steps->every = 100;
  settings.until = 0.01;
  EXPECT_EQ(PlanSteps(settings, 42)->job_end, 12);
}

TEST(PlanStepsTest, WhatIsLeftOfAnEpochIsCarriedIntoTheNextOnesFirstStep) {
  TrainSettings settings = Settings(4, 8, 3);
  settings.accum_tail = Word("carry");
  // 21 micro-batches: two steps, and five that wait.
  const StepPlan plan = PlanSteps(settings, 87).value();
  EXPECT_EQ(plan.micro_batches_per_epoch, 21);
  EXPECT_EQ(plan.per_epoch, 2);
  EXPECT_EQ(plan.total, 6);
  EXPECT_EQ(plan.At(settings, 0).micro_batches.size(), 8u);
  const StepPlace first = plan.At(settings, 2);
  EXPECT_EQ(first.epoch, 1);
  EXPECT_EQ(first.divisor, 8);  // of 8 + r
  EXPECT_THAT(Firsts(first),
              ElementsAre(Pair(0, 64), Pair(0, 68), Pair(0, 72), Pair(0, 76), Pair(0, 80),
                          Pair(1, 0), Pair(1, 4), Pair(1, 8), Pair(1, 12), Pair(1, 16), Pair(1, 20),
                          Pair(1, 24), Pair(1, 28)));
  EXPECT_EQ(plan.At(settings, 3).micro_batches.size(), 8u);
  // Each micro-batch once, but for those that the last epoch leaves.
  std::set<int64_t> numbers;
  int64_t count = 0;
  for (int64_t step = 0; step < plan.total; ++step) {
    for (const MicroPlace& micro : plan.At(settings, step).micro_batches) {
      EXPECT_EQ(micro.number, micro.epoch * 21 + micro.first / 4);
      numbers.insert(micro.number);
      ++count;
    }
  }
  EXPECT_EQ(count, 3 * 21 - 5);
  EXPECT_EQ(static_cast<int64_t>(numbers.size()), count);
  EXPECT_EQ(plan.TokensAfter(settings, plan.total), count * 4 * 8);
}

TEST(PlanStepsTest, TokensPayForCarriedAndShortSteps) {
  for (const char* tail : {"drop", "flush", "carry"}) {
    TrainSettings settings = Settings(4, 8, 3);
    settings.accum_tail = Word(tail);
    const StepPlan whole = PlanSteps(settings, 87).value();
    int64_t tokens = 0;
    for (int64_t step = 0; step < whole.total; ++step) {
      tokens += static_cast<int64_t>(whole.At(settings, step).micro_batches.size()) * 4 * 8;
      EXPECT_EQ(whole.TokensAfter(settings, step + 1), tokens) << tail << " " << step;
      settings.tokens = tokens;
      EXPECT_EQ(PlanSteps(settings, 87)->total, step + 1) << tail;
      settings.tokens = tokens - 1;
      EXPECT_EQ(PlanSteps(settings, 87)->total, std::max<int64_t>(1, step)) << tail;
    }
  }
}

// The leftovers that the specification names (docs/papers/papaformer.md#s7, T6), at its sizes of an
// epoch.
TEST(PlanStepsTest, ThePublishedLeftovers) {
  TrainSettings settings = Settings(32, 8, 2);
  settings.accum_tail = Word("carry");
  for (const auto& [micro_batches, left] :
       {std::pair{83'374, 6u}, {33'349, 5u}, {34'936, 0u}, {15'087, 7u}}) {
    const StepPlan plan = PlanSteps(settings, micro_batches * 32 + 31).value();
    EXPECT_EQ(plan.At(settings, plan.per_epoch).micro_batches.size(), 8 + left);
  }
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

TEST(MakeLabelsTest, CopyInputGivesTheLastPositionItsOwnInput) {
  const int32_t ids[] = {5, 6, 7, 8};
  int32_t labels[4];
  MakeLabels(ids, 4, 9, labels, Word("copy_input"));
  EXPECT_THAT(labels, ElementsAre(6, 7, 8, 8));
  const int32_t padded[] = {5, 9, 9, 9};
  MakeLabels(padded, 4, 9, labels, Word("copy_input"));
  EXPECT_THAT(labels, ElementsAre(kIgnore, kIgnore, kIgnore, kIgnore));
  EXPECT_EQ(TargetsOfSequence(256, Word("copy_input")), 256);
  EXPECT_EQ(TargetsOfSequence(256, Word("ignore")), 255);
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
      {"/train/accum_tail", "keep", "spec.train.accum_tail"},
      {"/train/last_label", "repeat", "spec.train.last_label"},
      {"/train/aux_load", "entropy", "spec.train.aux_load"},
      {"/train/aux_probs", "hard", "spec.train.aux_probs"},
      {"/train/lambda_load", "0.1", "spec.train.lambda_load"},
      {"/train/dropout_parallel", 1.0,
       "spec.train.dropout_parallel: must be at least 0 and below 1"},
      {"/train/freeze_paths", -2,
       "spec.train.freeze_paths: expected true, false or a number of steps"},
      {"/train/freeze_paths", 3, "spec.train.freeze_paths: model m has no paths to freeze; set 0"},
      {"/train/lr_schedule", "linear", "spec.train.lr_schedule"},
      {"/train/warmup", 1, "spec.train.warmup"},
      {"/train/optimizer/lr", 0.0, "spec.train.optimizer.lr: must be above 0"},
      {"/train/optimizer/betas", Json::array({0.9}),
       "spec.train.optimizer.betas: expected two numbers"},
      {"/train/optimizer/betas", Json::array({0.9, 1.0}),
       "spec.train.optimizer.betas: expected two numbers of at least 0 and below 1, found "
       "[0.9,1.0]"},
      {"/train/optimizer/eps", 0, "spec.train.optimizer.eps: must be above 0"},
      {"/train/optimizer/momentum", 0.9,
       "spec.train.optimizer.momentum: is of kind muon; here it is adamw"},
      {"/train/optimizer/kind", "sgd", "spec.train.optimizer.kind"},
      {"/train/optimizer/kind", 1, "spec.train.optimizer.kind"},
      {"/train/lr_decay_fraction", 0.1,
       "spec.train.lr_decay_fraction: is of lr_schedule wsd or continue; here it is cosine"},
      {"/train/lr_decay_shape", "sqrt", "spec.train.lr_decay_shape: is of lr_schedule wsd"},
      {"/train/checkpoint/minutes", 1, "spec.train.checkpoint.minutes"},
      {"/train/validate/steps", "often", "spec.train.validate.steps"},
      {"/data/sources/0/share", "half", "spec.data.sources.0.share"},
      {"/model/dense/heads", 3, "spec.model.dense.heads"},
      {"/loss_average", "mean",
       "spec.loss_average: expected token_mean or batch_mean, found \"mean\""},
      {"/train/lr_min", 1.0, "spec.train.lr_min: is above optimizer.lr"},
      {"/train/checkpoint/steps", -1, "spec.train.checkpoint.steps: must not be negative, is -1"},
      {"/train/bacth", 1, "spec.train.bacth: no such key; did you mean batch?"},
      {"/seed", -1, "spec.seed: must not be negative, is -1"},
  };
  for (const auto& [pointer, value, message] : table) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const auto settings = ReadTrainSettings(bad);
    ASSERT_FALSE(settings.ok()) << pointer;
    EXPECT_THAT(settings.status().message(), HasSubstr(message));
  }
  Json muon = good;
  muon["train"]["optimizer"] = {{"kind", "muon"}, {"momentum", 1.0}};
  EXPECT_THAT(ReadTrainSettings(muon).status().message(),
              HasSubstr("spec.train.optimizer.momentum: must be at least 0 and below 1"));
  muon["train"]["optimizer"]["momentum"] = 0.9;
  EXPECT_EQ(ReadTrainSettings(muon)->optimizer.kind, Word("muon"));
  EXPECT_EQ(ReadTrainSettings(muon)->optimizer.momentum, 0.9);
  Json wsd = good;
  wsd["train"]["lr_schedule"] = "wsd";
  EXPECT_EQ(ReadTrainSettings(wsd)->schedule.decay_fraction, 0.2);
  wsd["train"]["lr_decay_shape"] = "sqrt";
  EXPECT_EQ(ReadTrainSettings(wsd)->schedule.decay_shape, Word("sqrt"));
  for (const double fraction : {-0.5, 1.5}) {
    wsd["train"]["lr_decay_fraction"] = fraction;
    EXPECT_THAT(ReadTrainSettings(wsd).status().message(),
                HasSubstr("spec.train.lr_decay_fraction: must be at least 0 and at most 1"));
  }
  Json misstepped = good;
  misstepped["train"]["lr_schedule"] = "cosine_misstepped";
  EXPECT_THAT(ReadTrainSettings(misstepped).status().message(),
              HasSubstr("spec.train.warmup_steps: lr_schedule cosine_misstepped has no warm-up"));
  misstepped["train"]["warmup_steps"] = 0;
  EXPECT_TRUE(ReadTrainSettings(misstepped).ok());
  misstepped["train"]["lr_min"] = 1e-5;
  EXPECT_THAT(ReadTrainSettings(misstepped).status().message(),
              HasSubstr("spec.train.lr_min: lr_schedule cosine_misstepped falls towards 0 alone"));
}

}  // namespace
}  // namespace braid::trainer
