#include "report/input/estimate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace braid::report {
namespace {

// Quantiles 0.975 as printed in tables of Student's t.
TEST(EstimateTest, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(StudentT(1), 12.706, 1e-3);
  EXPECT_NEAR(StudentT(4), 2.776, 1e-3);
  EXPECT_NEAR(StudentT(30), 2.042, 1e-3);
  EXPECT_NEAR(StudentT(60), 2.000, 2e-3);
  EXPECT_NEAR(StudentT(120), 1.980, 2e-3);
  EXPECT_NEAR(StudentT(INFINITY), 1.960, 1e-3);
  for (double freedom = 1; freedom < 40; freedom += 0.25)
    EXPECT_GE(StudentT(freedom), StudentT(freedom + 0.25)) << freedom;
}

TEST(EstimateTest, SeedsGiveTheStandardErrorOfTheirMean) {
  const Estimate estimate = OfSeeds({1, 2, 3, 4, 5});
  EXPECT_DOUBLE_EQ(estimate.value, 3);
  EXPECT_DOUBLE_EQ(estimate.variance, 0.5);  // 2.5 / 5
  EXPECT_DOUBLE_EQ(estimate.freedom, 4);
  EXPECT_NEAR(estimate.HalfWidth(), 2.7764 * std::sqrt(0.5), 1e-3);
  EXPECT_NEAR(OfSeeds(3, std::sqrt(2.5), 5).HalfWidth(), estimate.HalfWidth(), 1e-12);
}

TEST(EstimateTest, OneSeedHasNoInterval) {
  const Estimate estimate = OfSeeds({3});
  EXPECT_FALSE(estimate.has_interval());
  EXPECT_TRUE(std::isinf(estimate.HalfWidth()));
  EXPECT_EQ(ToText(estimate, 2), "3.00");
  EXPECT_FALSE(MeanOf({estimate, OfSeeds({1, 2})}).has_interval());
}

TEST(EstimateTest, AProportionOfAllIsNotCertain) {
  EXPECT_NEAR(Proportion(0.5, 1000).HalfWidth(), 0.031, 1e-3);  // 1.96 sqrt(0.25 / 1000)
  EXPECT_GT(Proportion(1, 20).HalfWidth(), 0.05);
  EXPECT_GT(Proportion(0, 20).HalfWidth(), 0.05);
  EXPECT_EQ(ToText(Scaled(Proportion(0.4, 60), 100), 1), "40.0 ± 12.0");
}

TEST(EstimateTest, AMeanOfEqualPartsIsNarrowerByTheRootOfTheirNumber) {
  const Estimate part{10, 4, 4};
  const Estimate mean = MeanOf({part, part, part, part});
  EXPECT_DOUBLE_EQ(mean.value, 10);
  EXPECT_DOUBLE_EQ(mean.variance, 1);
  EXPECT_DOUBLE_EQ(mean.freedom, 16);  // Welch and Satterthwaite: equal parts add up
}

TEST(EstimateTest, DifferencesAddVariances) {
  const Estimate difference = Difference({5, 3, 10}, {2, 1, 10});
  EXPECT_DOUBLE_EQ(difference.value, 3);
  EXPECT_DOUBLE_EQ(difference.variance, 4);
  EXPECT_DOUBLE_EQ(difference.freedom, 16.0 / (9.0 / 10 + 1.0 / 10));
  EXPECT_LT(difference.low(), 3);
  EXPECT_GT(difference.high(), 3);
}

}  // namespace
}  // namespace braid::report
