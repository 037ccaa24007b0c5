#include "trainer/eval/dual_analysis.h"

#include <gmock/gmock.h>

#include <map>
#include <numeric>

#include "base/random.h"
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

// Each of these options makes its own loss, and is written beside it.
TEST_F(DualAnalysisTest, EveryOptionChangesTheLoss) {
  model::ModelSpec spec = network_->spec();
  spec.dense.dual.loops = 4;  // with three of them the second step is told 1/2 or 1/3
  network_ = Network::Create(spec, "cpu").value();
  network_->Initialize(9);
  for (const Layout::Slot& slot : network_->layout().slots) {
    const RandomStream draws(7, slot.tensor.name);
    for (int64_t i = 0; i < slot.tensor.elements(); ++i) network_->parameters()[slot.offset + i] += 0.3f * draws.Normal(static_cast<uint64_t>(i));
  }
  const Json asked = Json::parse(R"([
      {"name": "1", "gates": "learned", "loops": 3, "step_feature": "rescaled"},
      {"name": "2", "gates": "learned", "loops": 3, "step_feature": "trained"},
      {"name": "3", "gates": "learned", "early_exit": 0.6},
      {"name": "4", "gates": "shuffled", "shuffle": "independent", "seed": 42},
      {"name": "5", "gates": "shuffled", "shuffle": "joint", "seed": 42},
      {"name": "6", "gates": "shuffled", "shuffle": "joint", "seed": 43},
      {"name": "7", "gates": "open"},
      {"name": "8", "gates": "open", "keep_sum": true},
      {"name": "9", "gates": "open", "layers": [0]},
      {"name": "10", "gates": "open", "layers": [1]},
      {"name": "11", "gates": "open", "class": "WORD", "control": true, "seed": 42},
      {"name": "12", "gates": "open", "class": "WORD", "control": true, "seed": 43}])");
  Json made = Analyse({{"sequences", 3}, {"interventions", asked}}).value()["interventions"];
  ASSERT_EQ(made.size(), asked.size());
  std::map<double, std::string> names;
  for (size_t i = 0; i < made.size(); ++i) {
    const double loss = made[i]["loss"]["tales"];
    EXPECT_NE(made[i]["change"]["tales"], 0.0) << made[i];
    const auto [other, own] = names.emplace(loss, made[i]["name"]);
    EXPECT_TRUE(own) << made[i] << " is the same as " << other->second;
    made[i].erase("loss");
    made[i].erase("change");
    EXPECT_EQ(made[i], asked[i]);
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
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "early_exit": 2}]})")), HasSubstr("0.early_exit"));
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "layers": [-1]}]})")), HasSubstr("0.layers"));
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "gates": "deep", "seed": 1}]})")), HasSubstr("0.seed"));
  EXPECT_THAT(Analyse({{"interventions", Json::parse(R"([{"name": "x", "gates": "deep", "layers": [2]}])")}}).status().message(),
              HasSubstr("intervention x: layers: model m has no loop or dual_path block in layer 2"));
  network_ = Network::Create(world_.Dense("plain"), "cpu").value();
  EXPECT_THAT(Analyse({{"sequences", 3}}).status().message(), HasSubstr("plain has no loop or dual_path block"));
}

}  // namespace
}  // namespace braid::trainer
