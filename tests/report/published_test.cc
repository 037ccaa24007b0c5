// What the papers print must agree with itself: a number that was copied wrongly does not.
#include "report/parts/published.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>

namespace braid::report {
namespace {

TEST(PublishedTest, MeansOfTable7AreThoseOfItsColumns) {
  EXPECT_EQ(PublishedScores().size(), 12u);
  for (const PublishedScore& score : PublishedScores()) {
    // All four are rounded to 0.05.
    EXPECT_NEAR((score.blimp + score.glue + score.superglue) / 3, score.mean, 0.05)
        << score.model << " of phase " << score.phase;
  }
}

TEST(PublishedTest, TotalsOfTable4AreThoseOfItsStages) {
  double path_1 = 0, path_2 = 0;
  for (const PublishedTime& time : PublishedTimes()) {
    if (time.model == "Path_1") path_1 = time.stage_1_hours;
    if (time.model == "Path_2") path_2 = time.stage_1_hours;
    if (time.model != "composites") continue;
    EXPECT_DOUBLE_EQ(time.at_once_hours, std::max(path_1, path_2) + time.stage_2_hours);
    EXPECT_DOUBLE_EQ(time.in_turn_hours, path_1 + path_2 + time.stage_2_hours);
  }
}

TEST(PublishedTest, RatesOfTable4AreTokensOverHours) {
  // Tokens of two epochs, in millions: everything, 60 % of one corpus, 60 % of the other, 40 % of
  // both.
  const std::map<std::string, double> tokens = {{"LLaMA_256", 1366.0},
                                                {"LLaMA_192", 1366.0},
                                                {"Path_1", 572.4},
                                                {"Path_2", 247.2},
                                                {"composites", 546.4}};
  for (const PublishedTime& time : PublishedTimes()) {
    const double hours = time.stage_2_hours > 0 ? time.stage_2_hours : time.stage_1_hours;
    EXPECT_NEAR(time.tokens_per_second, tokens.at(time.model) * 1e6 / (hours * 3600), 1)
        << time.model;
  }
}

TEST(PublishedTest, SharesOfTable6AddUp) {
  for (const PublishedRouting& routing : PublishedRoutings()) {
    EXPECT_NEAR(routing.path_1 + routing.path_2 + std::max(0.0, routing.combined), 100, 1e-9)
        << routing.model;
    const double right = routing.correct / 100 * routing.decisions;
    EXPECT_NEAR(right, std::round(right), 0.11) << routing.model;
  }
}

TEST(PublishedTest, InterventionsCoverEveryForcedK) {
  std::set<std::string> names;
  for (const PublishedIntervention& one : PublishedInterventions()) {
    names.insert(one.intervention);
    EXPECT_GE(std::min({one.gsm8k, one.trivia_qa, one.wiki_text}), 0) << one.intervention;
  }
  for (int k = 1; k <= 10; ++k)
    EXPECT_EQ(names.count("K = " + std::to_string(k)), k == 4 ? 0u : 1u) << k;
}

TEST(PublishedTest, ArmsCostAlikeByTheirProjections) {
  std::set<std::tuple<int, std::string, int>> seen;
  for (const PublishedArm& arm : PublishedArms()) {
    EXPECT_TRUE(seen.emplace(arm.budget, arm.arm, arm.loops).second);
    EXPECT_NEAR(arm.projections, arm.budget, arm.budget * 0.048) << arm.arm;
    EXPECT_NEAR(arm.causal - arm.projections,
                6.29 * (arm.arm.starts_with("dual") ? arm.loops + 1 : arm.loops), 0.1)
        << arm.arm;
  }
  EXPECT_EQ(seen.size(), 26u);
}

// The aggregate is the unweighted mean of the four benchmarks in bits per byte.
TEST(PublishedTest, AggregatesAreTheMeansOfTheBenchmarks) {
  int printed = 0;
  for (const PublishedArm& arm : PublishedArms()) {
    const PublishedBenchmarks& of = arm.benchmarks;
    if (of.c4 < 0) continue;
    ++printed;
    EXPECT_NEAR((of.c4 + of.wiki_text + of.commonsense + of.mathematics) / 4, arm.bits_per_byte,
                6e-4)
        << arm.budget << " " << arm.arm << " " << arm.loops;
  }
  EXPECT_EQ(printed, 14);
}

}  // namespace
}  // namespace braid::report
