#include "trainer/eval/glue/fine_tune.h"

#include <gmock/gmock.h>

#include <cmath>

#include "trainer/eval/glue/score.h"
#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers what it was told to: its validation loss after epoch e is about `losses[e]`. Its one
// weight is the number of steps so far.
class ScriptedClassifier final : public Classifier {
 public:
  ScriptedClassifier(std::vector<double> losses, int64_t steps_an_epoch)
      : losses_(std::move(losses)), per_epoch_(steps_an_epoch) {}
  Status Start(uint64_t seed, int64_t outputs, bool regression) override {
    started.push_back({seed, outputs, regression});
    weights_ = {0};
    return OkStatus();
  }
  Result<double> Step(const Batch& batch, double lr) override {
    for (const int32_t id : batch.ids) seen.push_back(id);
    rows.push_back(batch.rows());
    rates.push_back(lr);
    weights_[0] += 1;
    return train_loss;
  }
  // Two classes; class 1 is sure in all rows alike, as sure as makes the cross-entropy of label 1
  // the scripted one.
  Result<std::vector<float>> Logits(const Batch& batch) override {
    const auto epoch = static_cast<size_t>(std::lround(weights_[0])) /
                       static_cast<size_t>(per_epoch_);
    const double loss = losses_.at(epoch - 1);
    const double p = std::exp(-loss);
    std::vector<float> logits;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      logits.push_back(0);
      logits.push_back(static_cast<float>(std::log(p / (1 - p))));
    }
    return logits;
  }
  std::vector<float> Weights() const override { return weights_; }
  void SetWeights(const std::vector<float>& weights) override { weights_ = weights; }

  struct Begun {
    uint64_t seed;
    int64_t outputs;
    bool regression;
  };
  std::vector<Begun> started;
  std::vector<int32_t> seen;
  std::vector<int64_t> rows;
  std::vector<double> rates;
  double train_loss = 1;

 private:
  std::vector<double> losses_;
  int64_t per_epoch_;
  std::vector<float> weights_;
};

EncodedTask TenExamples() {
  EncodedTask data;
  for (int32_t i = 0; i < 10; ++i) data.train.push_back({{100 + i}, static_cast<double>(i % 2)});
  data.validation = {{{{7}, 1}, {{8, 9}, 1}}};
  return data;
}

spec::GlueSettings Settings() {
  spec::GlueSettings settings;
  settings.batch = 4;
  settings.epochs = 12;
  settings.patience = 3;
  return settings;
}

TEST(LinearRateTest, RisesOverTheWarmUpAndFallsToZero) {
  // 100 steps with 6 %: six steps up from 0, then a line that would reach 0 at step 100.
  EXPECT_DOUBLE_EQ(LinearRate(3e-4, 0.06, 0, 100), 0);
  EXPECT_DOUBLE_EQ(LinearRate(3e-4, 0.06, 3, 100), 1.5e-4);
  EXPECT_DOUBLE_EQ(LinearRate(3e-4, 0.06, 6, 100), 3e-4);
  EXPECT_DOUBLE_EQ(LinearRate(3e-4, 0.06, 53, 100), 1.5e-4);
  EXPECT_NEAR(LinearRate(3e-4, 0.06, 99, 100), 3e-4 / 94, 1e-15);
  EXPECT_DOUBLE_EQ(LinearRate(1, 0.06, 1, 10), 1);  // 0.6 steps of warm-up are one
  EXPECT_DOUBLE_EQ(LinearRate(1, 0, 0, 10), 1);
}

TEST(EarlyStoppingTest, CountsEvaluationsInARowWithoutANewLowest) {
  EarlyStopping stopping(2);
  EXPECT_TRUE(stopping.Improves(1.0));
  EXPECT_FALSE(stopping.Improves(1.0));  // equal is no improvement
  EXPECT_TRUE(stopping.Improves(0.9));   // and a new lowest begins the count anew
  EXPECT_FALSE(stopping.Improves(1.5));
  EXPECT_FALSE(stopping.done());
  EXPECT_FALSE(stopping.Improves(0.95));
  EXPECT_TRUE(stopping.done());
  EXPECT_EQ(stopping.best(), 0.9);
}

TEST(FineTuneTest, StopsAfterThePatienceAndKeepsTheBestWeights) {
  ScriptedClassifier classifier({0.9, 0.5, 0.6, 0.55, 0.7, 0.1}, 3);
  const FineTuned run = FineTune(Sst2(), TenExamples(), Settings(), 42, 0, classifier, {}).value();
  EXPECT_EQ(run.epochs, 5);  // 0.1 after epoch six is never seen
  EXPECT_EQ(run.best_epoch, 2);
  EXPECT_EQ(run.steps, 15);
  EXPECT_NEAR(run.loss, 0.5, 1e-6);
  EXPECT_THAT(classifier.Weights(), ElementsAre(6.0f));  // as they were after the second epoch
  EXPECT_EQ(classifier.started[0].seed, 42u);
  EXPECT_EQ(classifier.started[0].outputs, 2);
  // exp(-0.5) > 1/2, so class 1 is said for both examples of class 1.
  EXPECT_THAT(run.scores, ElementsAre(1.0));
}

TEST(FineTuneTest, EachEpochSeesAllExamplesInANewOrder) {
  ScriptedClassifier classifier({0.9, 0.8}, 3);
  spec::GlueSettings settings = Settings();
  settings.epochs = 2;
  ASSERT_TRUE(FineTune(Sst2(), TenExamples(), settings, 3, 0, classifier, {}).ok());
  EXPECT_THAT(classifier.rows, ElementsAre(4, 4, 2, 4, 4, 2));
  std::vector<int32_t> first(classifier.seen.begin(), classifier.seen.begin() + 10),
      second(classifier.seen.begin() + 10, classifier.seen.end());
  EXPECT_NE(first, second);
  EXPECT_THAT(first,
              ::testing::UnorderedElementsAre(100, 101, 102, 103, 104, 105, 106, 107, 108, 109));
  EXPECT_THAT(second, ::testing::UnorderedElementsAreArray(first));
  for (size_t step = 0; step < 6; ++step) {
    EXPECT_EQ(classifier.rates[step],
              LinearRate(settings.lr, settings.warmup, static_cast<int64_t>(step), 6));
  }
  ScriptedClassifier again({0.9, 0.8}, 3), other({0.9, 0.8}, 3);
  ASSERT_TRUE(FineTune(Sst2(), TenExamples(), settings, 3, 0, again, {}).ok());
  ASSERT_TRUE(FineTune(Sst2(), TenExamples(), settings, 4, 0, other, {}).ok());
  EXPECT_EQ(again.seen, classifier.seen);
  EXPECT_NE(other.seen, classifier.seen);
}

TEST(FineTuneTest, ALossThatIsNotFiniteNamesTaskSeedAndStep) {
  ScriptedClassifier classifier({0.9}, 3);
  classifier.train_loss = NAN;
  EXPECT_THAT(FineTune(Sst2(), TenExamples(), Settings(), 42, 0, classifier, {}).status().message(),
              HasSubstr("task sst2, seed 42, step 1: the loss is not finite"));
  ScriptedClassifier lost({NAN}, 3);
  EXPECT_THAT(FineTune(Sst2(), TenExamples(), Settings(), 42, 0, lost, {}).status().message(),
              HasSubstr("step 3: the validation loss is not finite"));
}

TEST(FineTuneTest, ProgressMayStopIt) {
  ScriptedClassifier classifier({0.9, 0.8}, 3);
  const auto stop = [](int64_t done, int64_t total) {
    return done == 2 ? Cancelled(std::to_string(total)) : OkStatus();
  };
  const Status status =
      FineTune(Sst2(), TenExamples(), Settings(), 42, 0, classifier, stop).status();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(status.message(), "36");  // 12 epochs of three steps
  EXPECT_EQ(classifier.rates.size(), 2u);
}

TEST(ScoreTest, LossesAreMeans) {
  const std::vector<EncodedExample> two = {{{1}, 0}, {{1}, 1}};
  const double first = std::log(1 + std::exp(2.0)) - 0, second = std::log(1 + std::exp(-1.0));
  EXPECT_NEAR(MeanLoss(Sst2(), two, {0, 2, 1, 2}), (first + second) / 2, 1e-9);
  EXPECT_NEAR(MeanLoss(Stsb(), {{{1}, 2.5}, {{1}, 4.0}}, {2.0f, 5.0f}), (0.25 + 1) / 2, 1e-9);
}

TEST(ScoreTest, EachTaskHasItsMetric) {
  const std::vector<EncodedExample> four = {{{1}, 0}, {{1}, 1}, {{1}, 1}, {{1}, 1}};
  const std::vector<float> outputs = {1, 0, 0, 1, 1, 0, 0, 1};  // says 0, 1, 0, 1
  EXPECT_DOUBLE_EQ(Score(Sst2(), four, outputs), 0.75);
  EXPECT_DOUBLE_EQ(Score(Mrpc(), four, outputs), 0.8);                    // 2 * 2 / (2 * 2 + 0 + 1)
  EXPECT_NEAR(Score(Cola(), four, outputs), 2 / std::sqrt(12.0), 1e-12);  // (2 * 1 - 0) / sqrt(2 *
                                                                          // 3 * 1 * 2)
  EXPECT_DOUBLE_EQ(Score(Mnli(), {{{1}, 2}, {{1}, 0}}, {0, 0, 1, 0, 0, 0}), 1.0);  // equal outputs:
                                                                                   // the first
                                                                                   // class
  // Pearson of (1, 2, 4) and (1, 2, 3) is 0.98198, Spearman is 1.
  EXPECT_NEAR(Score(Stsb(), {{{1}, 1}, {{1}, 2}, {{1}, 3}}, {1, 2, 4}),
              (0.9819805060619659 + 1) / 2, 1e-9);
}

}  // namespace
}  // namespace braid::trainer
