#include <gmock/gmock.h>

#include <vector>

#include "trainer/eval/metrics/accuracy.h"
#include "trainer/eval/metrics/correlation.h"
#include "trainer/eval/metrics/f1.h"
#include "trainer/eval/metrics/matthews.h"
#include "trainer/eval/metrics/spread.h"

namespace braid::trainer {
namespace {

const std::vector<int32_t> kSaid = {1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1};
const std::vector<int32_t> kTruth = {1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1};

TEST(MetricsTest, AccuracyCountsEqualEntries) {
  EXPECT_DOUBLE_EQ(Accuracy(kSaid, kTruth), 0.75);
}

// Expected: precision 5/7 and recall 5/6, put together as 2 p r / (p + r).
TEST(MetricsTest, F1IsTheHarmonicMeanOfPrecisionAndRecall) {
  const double precision = 5.0 / 7, recall = 5.0 / 6;
  EXPECT_NEAR(F1(CountOutcomes(kSaid, kTruth)), 2 * precision * recall / (precision + recall),
              1e-12);
  EXPECT_NEAR(F1(CountOutcomes(kSaid, kTruth)), 0.7692307692307692, 1e-12);
  EXPECT_EQ(F1(CountOutcomes(std::vector<int32_t>{0, 0}, std::vector<int32_t>{0, 0})), 0.0);
}

TEST(MetricsTest, F1IsOfClassOneAlone) {
  const std::vector<int32_t> said = {1, 0, 0, 0}, truth = {1, 1, 0, 0};
  EXPECT_NEAR(F1(CountOutcomes(said, truth)), 2.0 / 3, 1e-12);
  EXPECT_NEAR(F1(CountOutcomes(truth, said)), 2.0 / 3, 1e-12);
  const std::vector<int32_t> said_other = {0, 1, 1, 1}, truth_other = {0, 0, 1, 1};  // the classes
                                                                                     // the other
                                                                                     // way round
  EXPECT_NEAR(F1(CountOutcomes(said_other, truth_other)), 0.8, 1e-12);
}

// Of two classes it is Pearson's r of the labels as numbers: numpy.corrcoef gave the value.
TEST(MetricsTest, MatthewsIsTheCorrelationOfTheLabels) {
  EXPECT_NEAR(MatthewsCorrelation(CountOutcomes(kSaid, kTruth)), 0.5070925528371099, 1e-12);
  const std::vector<double> said(kSaid.begin(), kSaid.end()), truth(kTruth.begin(), kTruth.end());
  EXPECT_NEAR(MatthewsCorrelation(CountOutcomes(kSaid, kTruth)), PearsonCorrelation(said, truth),
              1e-12);
  EXPECT_EQ(
      MatthewsCorrelation(CountOutcomes(std::vector<int32_t>{1, 1}, std::vector<int32_t>{0, 1})),
      0.0);
  EXPECT_DOUBLE_EQ(
      MatthewsCorrelation(CountOutcomes(std::vector<int32_t>{1, 0}, std::vector<int32_t>{0, 1})),
      -1.0);
}

// numpy.corrcoef of the values and of their mean ranks gave the numbers; both lists have ties.
TEST(MetricsTest, CorrelationsOfValuesAndOfRanksWithTies) {
  const std::vector<double> x = {2.5, 0.1, 4.8, 3.3, 3.3, 1.0, 4.9, 2.5, 2.5, 0.0};
  const std::vector<double> y = {2.0, 0.5, 5.0, 2.0, 3.6, 1.4, 4.0, 3.0, 2.0, 0.0};
  EXPECT_NEAR(PearsonCorrelation(x, y), 0.9320799301328724, 1e-12);
  EXPECT_NEAR(SpearmanCorrelation(x, y), 0.9221228546165696, 1e-12);
}

TEST(MetricsTest, AConstantGoesTogetherWithNothing) {
  const std::vector<double> constant = {2, 2, 2}, rising = {1, 2, 3}, cubes = {1, 8, 27};
  EXPECT_EQ(PearsonCorrelation(constant, rising), 0.0);
  EXPECT_EQ(SpearmanCorrelation(rising, constant), 0.0);
  EXPECT_DOUBLE_EQ(SpearmanCorrelation(rising, cubes), 1.0);
  EXPECT_LT(PearsonCorrelation(rising, cubes), 0.99);
}

// numpy.std(ddof=1) gave the value.
TEST(MetricsTest, SpreadOfSeeds) {
  const std::vector<double> scores = {55.1, 60.2, 57.7, 49.9, 58.8}, one = {55.1};
  EXPECT_NEAR(Mean(scores), 56.34, 1e-12);
  EXPECT_NEAR(StandardDeviation(scores), 4.056229776528939, 1e-12);
  EXPECT_EQ(StandardDeviation(one), 0.0);
}

}  // namespace
}  // namespace braid::trainer
