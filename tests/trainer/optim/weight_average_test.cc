#include "trainer/optim/weight_average.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace braid::trainer {
namespace {

class WeightAverageTest : public ::testing::Test {
 protected:
  WeightAverageTest() {
    model::ModelSpec spec;
    spec.name = "m";
    spec.vocab = 11;
    spec.pad_id = 10;
    spec.sequence = 8;
    spec.dense = {"m", 8, 2, 1, 16};
    network_ = Network::Create(spec, "cpu").value();
  }
  // Weights as if so many updates had been made.
  std::vector<float> SetWeights(int64_t step) {
    const RandomStream random(static_cast<uint64_t>(step), "weights");
    for (const Layout::Slot& slot : network_->layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i)
        network_->parameters()[i] = 1e3f + random.Normal(static_cast<uint64_t>(i));
    }
    return Weights();
  }
  std::vector<float> Weights() {
    const auto size = static_cast<size_t>(network_->layout().size);
    return {network_->parameters(), network_->parameters() + size};
  }

  std::unique_ptr<Network> network_;
};

// Against the sum in fp64, divided once.
TEST_F(WeightAverageTest, TheLastUpdateLeavesTheMeanOfItsStates) {
  for (const auto& [last, every] : {std::pair<int64_t, int64_t>{4, 3}, {10, 1}, {1, 1}, {2, 9}}) {
    WeightAverage average({last, every}, 10, *network_);
    std::vector<double> sum(Weights().size());
    for (int64_t step = 1; step <= 10; ++step) {
      const std::vector<float> weights = SetWeights(step);
      const bool state = (10 - step) % every == 0 && (10 - step) / every < last;
      for (size_t i = 0; state && i < sum.size(); ++i) sum[i] += weights[i];
      average.AfterUpdate(step);
      if (step == 10) break;
      EXPECT_EQ(Weights(), weights) << "the training itself goes on as it was";
    }
    const std::vector<float> mean = Weights();
    for (size_t i = 0; i < sum.size(); ++i) {
      ASSERT_NEAR(mean[i], sum[i] / static_cast<double>(last), 4e-4) << last << " " << i;
    }
  }
}

TEST_F(WeightAverageTest, NothingIsKeptBeforeTheFirstStateAndBehindTheEnd) {
  WeightAverage average({2, 2}, 5, *network_);
  const auto averaged = [&](int64_t step) {
    SetWeights(step);
    average.AfterUpdate(step);
    OptimizerSnapshot snapshot;
    average.Save(&snapshot);
    EXPECT_EQ(snapshot.average.empty(), snapshot.averaged == 0);
    return snapshot.averaged;
  };
  EXPECT_EQ(averaged(1), 0);
  EXPECT_EQ(averaged(2), 0);
  EXPECT_EQ(averaged(3), 1);
  EXPECT_EQ(averaged(4), 1);
  EXPECT_EQ(averaged(5), 0);
}

TEST_F(WeightAverageTest, WithoutAnAverageTheWeightsStay) {
  WeightAverage average({}, 3, *network_);
  for (int64_t step = 1; step <= 3; ++step) {
    const std::vector<float> weights = SetWeights(step);
    average.AfterUpdate(step);
    EXPECT_EQ(Weights(), weights);
  }
}

TEST_F(WeightAverageTest, ARestoredMeanGoesOnWithTheSameBits) {
  WeightAverage whole({3, 1}, 4, *network_), first({3, 1}, 4, *network_),
      second({3, 1}, 4, *network_);
  for (int64_t step = 1; step <= 3; ++step) {
    SetWeights(step);
    whole.AfterUpdate(step);
    first.AfterUpdate(step);
  }
  OptimizerSnapshot snapshot;
  first.Save(&snapshot);
  EXPECT_EQ(snapshot.averaged, 2);
  second.Restore(snapshot);
  const std::vector<float> end = SetWeights(4);
  whole.AfterUpdate(4);
  const std::vector<float> expected = Weights();
  EXPECT_NE(expected, end);
  SetWeights(4);
  second.AfterUpdate(4);
  EXPECT_EQ(Weights(), expected);
}

}  // namespace
}  // namespace braid::trainer
