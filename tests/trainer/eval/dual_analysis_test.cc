#include "trainer/eval/dual_analysis.h"

#include <gmock/gmock.h>

#include <numeric>

#include "corpus/dataset.h"
#include "tests/trainer/small_world.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class DualAnalysisTest : public ::testing::Test {
 protected:
  DualAnalysisTest() : classes_(corpus::ClassesOf(world_.tokenizer())) {
    ConfigureRuntime(1);
    model::ModelSpec spec = world_.Dense("m");
    spec.dense = {"m", 16, 2, 2, 0, "dual_path"};
    spec.dense.dual.loops = 3;
    spec.dense.dual.ffn_deep = spec.dense.dual.ffn_wide = 24;
    spec.dense.dual.scale_init = 0;
    network_ = Network::Create(spec, "cpu").value();
    network_->Initialize(9);
    for (const char* corpus : {"sums", "tales"}) {
      shards_.push_back(corpus::Shards::Open(world_.at(std::string("data.") + corpus)).value());
    }
  }
  Result<Json> Analyse(const Json& spec) {
    const auto analysis = DualAnalysisFromJson(spec, "spec.dual");
    EXPECT_TRUE(analysis.ok()) << analysis.status().message();
    return AnalyseDual(*network_, *analysis, {&shards_[0], &shards_[1]}, SmallWorld::kSequence, classes_);
  }
  static std::string Error(const Json& spec) { return DualAnalysisFromJson(spec, "spec.dual").status().message(); }

  SmallWorld world_;
  std::vector<corpus::TokenClass> classes_;
  std::unique_ptr<Network> network_;
  std::vector<corpus::Shards> shards_;
};

TEST_F(DualAnalysisTest, ChangesAreAgainstTheModelAsItIs) {
  const Json json = Analyse({{"sequences", 3},
                             {"interventions",
                              {{{"name", "K = 3"}, {"loops", 3}},
                               {{"name", "half open"}, {"gates", "uniform"}},
                               {{"name", "wide only"}, {"gates", "wide"}},
                               {{"name", "words wide"}, {"gates", "wide"}, {"class", "WORD"}}}}}).value();
  const Json& made = json["interventions"];
  ASSERT_EQ(made.size(), 4u);
  for (const char* corpus : {"sums", "tales"}) {
    EXPECT_EQ(made[0]["change"][corpus], 0.0);  // three loops are what it was trained with
    EXPECT_EQ(made[1]["change"][corpus], 0.0);  // gates are half open at the start
    EXPECT_NE(made[2]["change"][corpus], 0.0);
    EXPECT_NE(made[3]["change"][corpus], made[2]["change"][corpus]);
    EXPECT_NEAR(made[2]["loss"][corpus].get<double>() - made[2]["change"][corpus].get<double>(),
                made[0]["loss"][corpus].get<double>(), 1e-9);
  }
}

TEST_F(DualAnalysisTest, ReadOutsAreMeansOverTheTokensOfEachClass) {
  const Json json = Analyse({{"sequences", 3}}).value();
  ASSERT_EQ(json["layers"].size(), 2u);
  EXPECT_EQ(json["layers"][1]["place"], "blocks.1");
  EXPECT_EQ(json["layers"][0]["tokens"], 2 * 3 * SmallWorld::kSequence);
  EXPECT_NEAR(json["layers"][0]["gate_deep"].get<double>(), 0.5, 1e-6);
  EXPECT_NEAR(json["layers"][0]["scale_deep_1"].get<double>(), std::log(2.0), 1e-6);
  // Classes of a corpus add up to its tokens, and their means to its mean.
  for (const char* corpus : {"sums", "tales"}) {
    int64_t tokens = 0;
    for (const auto& [name, rows] : json["readouts"][corpus].items()) tokens += rows[0]["tokens"].get<int64_t>();
    EXPECT_EQ(tokens, 3 * SmallWorld::kSequence);
  }
  double weighted = 0;
  for (const auto& [corpus, by_class] : json["readouts"].items()) {
    for (const auto& [name, rows] : by_class.items()) weighted += rows[0]["deep_share"].get<double>() * rows[0]["tokens"].get<double>();
  }
  EXPECT_NEAR(weighted / (2 * 3 * SmallWorld::kSequence), json["layers"][0]["deep_share"].get<double>(), 1e-6);
}

TEST_F(DualAnalysisTest, AControlTouchesAsManyTokensOutsideTheClass) {
  std::vector<int32_t> ids(SmallWorld::kSequence * 4);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(1 + i * 4);
  NamedIntervention named{.name = "n", .gates = "deep", .token_class = "WORD"};
  const auto inside = ToIntervention(named, ids, classes_).positions;
  named.control = true;
  const auto outside = ToIntervention(named, ids, classes_).positions;
  int touched = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool word = classes_[static_cast<size_t>(ids[i])] == corpus::TokenClass::kWord;
    EXPECT_EQ(inside[i], word);
    EXPECT_FALSE(outside[i] && word);
    touched += outside[i];
  }
  const int words = std::accumulate(inside.begin(), inside.end(), 0);
  EXPECT_EQ(touched, std::min<int>(words, static_cast<int>(ids.size()) - words));
}

TEST_F(DualAnalysisTest, WhatCannotBeIsNamed) {
  EXPECT_THAT(Error({{"sequences", 0}}), HasSubstr("spec.dual.sequences"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"gates", "ajar"}}}}}), HasSubstr("spec.dual.interventions.0.gates"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"class", "VERB"}}}}}), HasSubstr("spec.dual.interventions.0.class"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"control", true}}}}}), HasSubstr("give class too"));
  network_ = Network::Create(world_.Dense("plain"), "cpu").value();
  EXPECT_THAT(Analyse({{"sequences", 3}}).status().message(), HasSubstr("plain has no loop or dual_path block"));
}

}  // namespace
}  // namespace braid::trainer
