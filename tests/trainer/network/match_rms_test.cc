// Network::MatchRms and ScaleMaps; tests/peers/match_rms_test.py says what the scaled maps give.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "spec/tensor_groups.h"
#include "tests/trainer/network/specs.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

std::vector<int32_t> SomeText() {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < kBatch * kSequence; ++i) ids.push_back((i * i + 3) % (kVocab - 1));
  return ids;
}

std::vector<float> Weights(Network& network) {
  return {network.parameters(), network.parameters() + network.layout().size};
}

TEST(MatchRmsTest, WhoHasTheFactorsGetsTheSameWeights) {
  ConfigureRuntime(1);
  model::ModelSpec share = Unequal(), equal = Composite(), routed = Composite();
  share.connection = {};
  routed.connection.kind = Word("routed");
  model::ModelSpec unequal = Unequal();
  unequal.connection.residual = unequal.connection.norm = false;
  for (const model::ModelSpec& spec : {share, equal, routed, unequal}) {
    EXPECT_EQ(model::WhyNoMatch(spec), "");
    const auto network = Network::Create(spec, "cpu").value(),
               other = Network::Create(spec, "cpu").value();
    network->Initialize(5);
    other->Initialize(5);
    const std::vector<float> before = Weights(*network);
    const std::vector<int32_t> ids = SomeText();
    const std::vector<double> factors = network->MatchRms(ids.data(), kBatch, kSequence);
    other->ScaleMaps(factors);
    const std::vector<float> after = Weights(*network);
    EXPECT_EQ(Weights(*other), after);
    std::set<std::string> scaled, maps;
    for (const Layout::Slot& slot : network->layout().slots) {
      if (slot.tensor.shape.size() == 2 &&
          spec::PartOf(slot.tensor.name, spec) == spec::TensorPart::kConnections)
        maps.insert(slot.tensor.name);
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        if (before[static_cast<size_t>(i)] != after[static_cast<size_t>(i)])
          scaled.insert(slot.tensor.name);
      }
    }
    EXPECT_EQ(scaled, maps);
  }
}

// A map that gives nothing cannot be made to give something.
TEST(MatchRmsTest, AMapOfZerosStays) {
  const auto network = Network::Create(Composite(), "cpu").value();
  network->Initialize(5);
  const Layout::Slot& share = network->layout().at("parallel.0.share.weight");
  std::fill_n(network->parameters() + share.offset, share.tensor.elements(), 0.0f);
  const std::vector<int32_t> ids = SomeText();
  for (const double factor : network->MatchRms(ids.data(), kBatch, kSequence))
    EXPECT_TRUE(std::isfinite(factor)) << factor;
  for (const float value : Weights(*network)) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace braid::trainer
