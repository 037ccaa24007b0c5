#include "trainer/optim/schedule.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "tests/word.h"

namespace braid::trainer {
namespace {

TEST(LearningRateTest, CosineOverTheWholeLength) {
  const Schedule schedule{Word("cosine"), 5e-4, 1e-4, 0, 100};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 5e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 50), 3e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 25), 1e-4 + 4e-4 * (1 + std::sqrt(0.5)) / 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 100), 1e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 120), 1e-4);
}

TEST(LearningRateTest, WarmUpRisesInALineToTheCurve) {
  const Schedule schedule{Word("cosine"), 1e-3, 0, 4, 24};
  for (int step = 0; step < 4; ++step)
    EXPECT_DOUBLE_EQ(LearningRate(schedule, step), 1e-3 * (step + 1) / 4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 4), 1e-3);
  EXPECT_NEAR(LearningRate(schedule, 14), 5e-4, 1e-18);
  EXPECT_NEAR(LearningRate(schedule, 19), 1e-3 * (1 + std::cos(0.75 * std::numbers::pi)) / 2,
              1e-18);
}

// The published sweep: 5e-6 to 5e-4 in 184 steps.
TEST(LearningRateTest, WarmUpFromARateOfItsOwn) {
  Schedule schedule{Word("cosine"), 5e-4, 5e-5, 184, 18'360};
  schedule.warmup_start = 5e-6;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 5e-6);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 92), (5e-6 + 5e-4) / 2);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 184), 5e-4);
}

// The three rates that the specification prints (docs/papers/papaformer.md#s7, T2; section 11,
// check 3).
TEST(LearningRateTest, MissteppedGivesThePublishedRates) {
  const Schedule schedule{Word("cosine_misstepped"), 5e-4, 0, 0, 2 * 10'421, 10'421, 83'374};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 5e-4);
  EXPECT_NEAR(LearningRate(schedule, 10'421) / 4.810e-4, 1, 1e-3);
  EXPECT_NEAR(LearningRate(schedule, 2 * 10'421) / 4.627e-4, 1, 1e-3);
}

TEST(LearningRateTest, MissteppedStartsAgainFromWhereItStands) {
  const Schedule schedule{Word("cosine_misstepped"), 1e-3, 0, 0, 30, 10, 85};
  double start = 1e-3;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    for (int64_t s = 0; s < 10; ++s) {
      const double rate = start * (1 + std::cos(std::numbers::pi * static_cast<double>(s) / 85)) /
                          2;
      EXPECT_NEAR(LearningRate(schedule, epoch * 10 + s), rate, 1e-15) << epoch << " " << s;
    }
    start *= (1 + std::cos(std::numbers::pi * 10 / 85)) / 2;
  }
}

// Warm-up to step 4, stable to step 16, decay over the last fifth.
TEST(LearningRateTest, WarmUpStableDecayAtItsCorners) {
  Schedule schedule{Word("wsd"), 1e-3, 1e-4, 4, 20};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 2.5e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 3), 1e-3);
  for (const int64_t stable : {4, 10, 15, 16})
    EXPECT_DOUBLE_EQ(LearningRate(schedule, stable), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 17), 1e-4 + 9e-4 * 0.75);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 19), 1e-4 + 9e-4 * 0.25);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 20), 1e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 30), 1e-4);
  schedule.decay_shape = Word("sqrt");
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 16), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 17), 1e-4 + 9e-4 * 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 18), 1e-4 + 9e-4 * (1 - std::sqrt(0.5)));
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 20), 1e-4);
}

TEST(LearningRateTest, TheDecayIsAtLeastAStepAndBeginsBehindTheWarmUp) {
  Schedule schedule{Word("wsd"), 1e-3, 0, 0, 10};
  schedule.decay_fraction = 0.01;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 9), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 10), 0);
  schedule.decay_fraction = 1;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 5), 5e-4);
  schedule.warmup_steps = 6;
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 6), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 8), 5e-4);
}

// What continues has found its rate before the first step, and is `wsd` from there on.
TEST(LearningRateTest, ContinueIsStableAndDecaysUnlessToldNotTo) {
  Schedule wsd{Word("wsd"), 1e-3, 1e-4, 4, 20}, on{Word("continue"), 1e-3, 1e-4, 4, 20};
  for (int64_t step = 0; step <= 20; ++step)
    EXPECT_EQ(LearningRate(on, step), LearningRate(wsd, step)) << step;
  on.warmup_steps = 0;
  EXPECT_DOUBLE_EQ(LearningRate(on, 0), 1e-3);
  on.decay_fraction = 0;
  EXPECT_DOUBLE_EQ(LearningRate(on, 19), 1e-3);
  EXPECT_DOUBLE_EQ(LearningRate(on, 20), 1e-3);
}

TEST(ScheduleKindsTest, EveryWordOfRecipesHasItsSchedule) {
  const Words& words = WordsOf(spec::LrSchedule());
  EXPECT_EQ(ScheduleKinds().size(), words.size());
  for (const std::string& word : words) {
    const auto kind = *FromName<spec::LrSchedule>(word);
    EXPECT_EQ(FindSchedule(kind).kind, kind) << word;
  }
}

TEST(LearningRateTest, ConstantAfterTheWarmUp) {
  const Schedule schedule{Word("constant"), 1e-3, 0, 2, 10};
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 0), 5e-4);
  EXPECT_DOUBLE_EQ(LearningRate(schedule, 9), 1e-3);
}

}  // namespace
}  // namespace braid::trainer
