#include "report/input/loss.h"

#include <gtest/gtest.h>

#include <cmath>

namespace braid::report {
namespace {

Losses One(const std::vector<double>& groups, const std::vector<double>& tokens) {
  double sum = 0, all = 0;
  for (size_t g = 0; g < groups.size(); ++g) sum += groups[g], all += tokens[g];
  const Loss loss{sum / all, std::exp(sum / all), static_cast<int64_t>(all), 0, groups, tokens};
  return {{"tales", loss}, {"all", {loss.loss, loss.perplexity, loss.tokens, 0, {}, {}}}};
}

// Of groups of one size it is the paired t interval of their means: 0.1, 0.3, 0.2, 0.4 have a
// standard error of 0.0645497 and three degrees of freedom, for which Student's t is 3.1824.
TEST(LossTest, OfEqualGroupsItIsThePairedInterval) {
  const std::vector<double> tokens(4, 10);
  const Estimate difference = LossDifference(One({21, 33, 42, 54}, tokens),
                                             One({20, 30, 40, 50}, tokens), "tales");
  EXPECT_NEAR(difference.value, 0.25, 1e-12);
  EXPECT_NEAR(difference.low(), 0.25 - 3.1824 * 0.0645497, 1e-5);
  EXPECT_NEAR(difference.high(), 0.25 + 3.1824 * 0.0645497, 1e-5);
}

// What both models find hard cancels: the interval is of the differences, not of the losses.
TEST(LossTest, WhatBothFindHardCancels) {
  const std::vector<double> tokens(4, 10);
  const Estimate difference = LossDifference(One({12, 502, 32, 902}, tokens),
                                             One({10, 500, 30, 900}, tokens), "all");
  EXPECT_NEAR(difference.value, 0.2, 1e-12);
  EXPECT_NEAR(difference.HalfWidth(), 0, 1e-9);
}

TEST(LossTest, CorporaAreStrata) {
  const auto two = [](double shift, double noise) {
    const Loss tales{
        (40 + 2 * shift) / 40, 0, 40, 0, {20 + shift + noise, 20 + shift - noise}, {20, 20}};
    const Loss sums{1.6, 0, 10, 0, {8 + noise, 8 - noise}, {5, 5}};
    return Losses{
        {"tales", tales}, {"sums", sums}, {"all", {(56 + 2 * shift) / 50, 0, 50, 0, {}, {}}}};
  };
  const Estimate difference = LossDifference(two(5, 1), two(0, 0), "all");
  EXPECT_NEAR(difference.value, 0.2, 1e-12);
  // Each corpus gives n / (n - 1) (1 + 1) = 4 to the variance of the sum over 50 tokens; five nats
  // between corpora give nothing.
  EXPECT_NEAR(difference.variance, 8.0 / 2500, 1e-12);
  EXPECT_EQ(difference.freedom, 2);
}

// A corpus of two groups that spread far decides how well the spread is known, however many groups
// another has.
TEST(LossTest, FreedomIsThatOfTheCorpusThatSpreads) {
  std::vector<double> many, none(200, 0.0), tokens(200, 10.0);
  for (int g = 0; g < 200; ++g) many.push_back(g % 2 == 0 ? 0.5 : -0.5);
  const Losses a = {{"tales", {0, 0, 2000, 0, many, tokens}},
                    {"sums", {0, 0, 20, 0, {200, -200}, {10, 10}}},
                    {"all", {0, 0, 2020, 0, {}, {}}}};
  const Losses b = {{"tales", {0, 0, 2000, 0, none, tokens}},
                    {"sums", {0, 0, 20, 0, {0, 0}, {10, 10}}},
                    {"all", {0, 0, 2020, 0, {}, {}}}};
  EXPECT_NEAR(LossDifference(a, b, "all").freedom, 1.0, 0.01);
}

TEST(LossTest, OfOtherTextThereIsNoInterval) {
  const std::vector<double> tokens(4, 10);
  const Losses a = One({21, 33, 42, 54}, tokens);
  EXPECT_FALSE(LossDifference(a, One({21, 33, 42, 54}, {10, 10, 10, 11}), "tales").has_interval());
  EXPECT_FALSE(LossDifference(a, {{"all", {2, 0, 40, 0, {}, {}}}}, "all").has_interval());
  Losses batches = a;  // a mean of means of batches
  batches["tales"].loss += 0.01;
  EXPECT_FALSE(LossDifference(batches, a, "tales").has_interval());
  EXPECT_FALSE(LossDifference(One({30}, {10}), One({20}, {10}), "tales").has_interval());
}

}  // namespace
}  // namespace braid::report
