#include "trainer/eval/dual_path/dual_analysis.h"

#include <gmock/gmock.h>

#include <map>
#include <numeric>

#include "base/file.h"
#include "base/random.h"
#include "corpus/dataset.h"
#include "corpus/tagged_text.h"
#include "schema/read.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class DualAnalysisTest : public ::testing::Test {
 protected:
  DualAnalysisTest() : classes_(corpus::ClassesOf(world_.tokenizer())) {
    ConfigureRuntime(1);
    model::ModelSpec spec = world_.Dense("m");
    spec.dense = {"m", 16, 2, 2, 0, Word("dual_path")};
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
    const auto analysis = schema::FromJson<spec::DualPathSettings>(spec, "spec.dual");
    EXPECT_TRUE(analysis.ok()) << analysis.status().message();
    std::vector<DualText> texts;
    for (const corpus::Shards& set : shards_) {
      texts.push_back(TextOfShards(set, SmallWorld::kSequence, analysis->sequences,
                                   world_.tokenizer().pad_id(), classes_)
                          .value());
    }
    for (const corpus::TaggedText& tagged : tagged_) {
      texts.push_back(TextOfTags(tagged, SmallWorld::kSequence, analysis->sequences,
                                 world_.tokenizer().pad_id())
                          .value());
    }
    return AnalyseDual(*network_, *analysis, texts, MakeAlways);
  }
  static std::string Error(const Json& spec) {
    return schema::FromJson<spec::DualPathSettings>(spec, "spec.dual").status().message();
  }

  SmallWorld world_;
  std::vector<corpus::TokenClass> classes_;
  std::unique_ptr<Network> network_;
  std::vector<corpus::Shards> shards_;
  std::vector<corpus::TaggedText> tagged_;
};

TEST_F(DualAnalysisTest, ChangesAreAgainstTheModelAsItIs) {
  const Json json = Analyse({{"sequences", 3},
                             {"interventions",
                              {{{"name", "K = 3"}, {"loops", 3}},
                               {{"name", "half open"}, {"gates", "uniform"}},
                               {{"name", "wide only"}, {"gates", "wide"}},
                               {{"name", "words wide"}, {"gates", "wide"}, {"class", "WORD"}}}}})
                        .value();
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
    for (int64_t i = 0; i < slot.tensor.elements(); ++i)
      network_->parameters()[slot.offset + i] += 0.3f * draws.Normal(static_cast<uint64_t>(i));
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
      {"name": "11", "gates": "open", "class": "PUNCT", "control": true, "seed": 42},
      {"name": "12", "gates": "open", "class": "PUNCT", "control": true, "seed": 43},
      {"name": "13", "gates": [0.25, 0.5]},
      {"name": "14", "gates": [0.25, 0.5], "class": ["WORD", "SPACE"]}])");
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
    for (const auto& [name, rows] : json["readouts"][corpus].items())
      tokens += rows[0]["tokens"].get<int64_t>();
    EXPECT_EQ(tokens, 3 * SmallWorld::kSequence);
  }
  double weighted = 0;
  for (const auto& [corpus, by_class] : json["readouts"].items()) {
    for (const auto& [name, rows] : by_class.items())
      weighted += rows[0]["deep_share"].get<double>() * rows[0]["tokens"].get<double>();
  }
  EXPECT_NEAR(weighted / (2 * 3 * SmallWorld::kSequence),
              json["layers"][0]["deep_share"].get<double>(), 1e-6);
}

// As published: in each sequence, whatever the others have.
TEST_F(DualAnalysisTest, AControlTouchesAsManyTokensOutsideTheClassesInEachSequence) {
  using corpus::TokenClass;
  DualText::Batch batch;
  batch.sequences = 4;
  const size_t length = 32;
  for (size_t i = 0; i < 4 * length; ++i) {
    const size_t every = i / length == 3 ? 1 : 3 + 4 * (i / length);  // of the last sequence all
                                                                      // tokens: nothing is left for
                                                                      // a control
    batch.classes.push_back(i % every == 0 ? i % 2 == 0 ? TokenClass::kNum : TokenClass::kSym
                                           : TokenClass::kWord);
  }
  spec::NamedIntervention named;
  named.name = "n";
  named.gates = spec::GateRule::kDeep;
  named.classes = {TokenClass::kNum, TokenClass::kSym};
  const auto inside = ToIntervention(named, batch).positions;
  named.control = true;
  const auto outside = ToIntervention(named, batch).positions;
  ASSERT_EQ(outside.size(), batch.classes.size());
  for (size_t i = 0; i < batch.classes.size(); ++i) {
    EXPECT_EQ(inside[i], batch.classes[i] != TokenClass::kWord);
    EXPECT_FALSE(outside[i] && batch.classes[i] != TokenClass::kWord);
  }
  for (size_t sequence = 0; sequence < 4; ++sequence) {
    const auto count = [&](const std::vector<uint8_t>& positions) {
      const auto begin = positions.begin() + static_cast<std::ptrdiff_t>(sequence * length);
      return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(length), 0);
    };
    EXPECT_EQ(count(outside), sequence == 3 ? 0 : count(inside)) << sequence;
  }
  // Drawn for each sequence of the text, wherever batches begin.
  DualText::Batch later = batch;
  later.first = 8;
  EXPECT_NE(ToIntervention(named, later).positions, outside);
  DualText::Batch second;
  second.sequences = 1;
  second.first = 1;
  second.classes.assign(batch.classes.begin() + length, batch.classes.begin() + 2 * length);
  EXPECT_EQ(ToIntervention(named, second).positions,
            std::vector<uint8_t>(outside.begin() + length, outside.begin() + 2 * length));
}

TEST_F(DualAnalysisTest, TokensBeyondTheVocabularyAreNamed) {
  classes_.resize(20);
  EXPECT_THAT(TextOfShards(shards_[0], SmallWorld::kSequence, 3, 0, classes_).status().message(),
              testing::MatchesRegex("corpus sums: its shards hold token [0-9]+, the vocabulary "
                                    "ends at 19; the shards are damaged, prepare them again"));
}

// Parts of speech are of tagged text alone, words of untagged; numbers of both.
TEST_F(DualAnalysisTest, TaggedTextHasClassesOfItsOwn) {
  corpus::Encoder encoder(world_.shared_tokenizer());
  std::string rows;
  for (int i = 0; i < 8; ++i) {
    rows +=
        R"({"text": "the cat sat on 42 mats", "tags": [[0, 3, "DET"], [4, 7, "NOUN"], [8, 11, "VERB"], [12, 14, "ADP"], [15, 17, "NUM"], [18, 22, "NOUN"]]})"
        "\n";
  }
  const std::string file = world_.at("story.jsonl");
  ASSERT_TRUE(WriteFileAtomic(file, rows).ok());
  tagged_.push_back(corpus::ReadTaggedText(file, world_.tokenizer(), encoder).value());
  const Json json =
      Analyse({{"sequences", 3}, {"tagged", {"story.jsonl"}}, {"interventions", Json::parse(R"([
      {"name": "verbs", "gates": "wide", "class": ["VERB", "NOUN"]}, {"name": "words", "gates": "wide", "class": "WORD"},
      {"name": "numbers", "gates": "wide", "class": "NUM"}, {"name": "all", "gates": "wide"}])")}})
          .value();
  const Json& made = json["interventions"];
  EXPECT_EQ(made[0]["class"], Json({"VERB", "NOUN"}));
  EXPECT_EQ(made[0]["loss"].size(), 1u);
  EXPECT_NE(made[0]["change"]["story"], 0.0);
  EXPECT_EQ(made[1]["loss"].size(), 2u);
  EXPECT_FALSE(made[1]["loss"].contains("story"));
  EXPECT_EQ(made[2]["loss"].size(), 3u);
  EXPECT_EQ(made[3]["loss"].size(), 3u);
  EXPECT_TRUE(json["readouts"]["story"].contains("VERB"));
  EXPECT_FALSE(json["readouts"]["story"].contains("WORD"));
  tagged_.clear();
  EXPECT_THAT(Analyse({{"sequences", 3},
                       {"tagged", {"story.jsonl"}},
                       {"interventions",
                        Json::parse(R"([{"name": "verbs", "gates": "wide", "class": "VERB"}])")}})
                  .status()
                  .message(),
              HasSubstr("intervention verbs: class: no text has all of these classes"));
}

TEST_F(DualAnalysisTest, WhatCannotBeIsNamed) {
  EXPECT_THAT(Error({{"sequences", 0}}), HasSubstr("spec.dual.sequences"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"gates", "ajar"}}}}}),
              HasSubstr("spec.dual.interventions.0.gates"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"gates", "deep"}, {"class", "NOPE"}}}}}),
              HasSubstr("spec.dual.interventions.0.class: expected WORD or NUM or PUNCT"));
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "gates": [0.5]}]})")),
              HasSubstr("0.gates: expected two numbers of at least 0 and at most 1, found [0.5]"));
  EXPECT_THAT(Error(Json::parse(
                  R"({"interventions": [{"name": "x", "gates": [0, 0], "keep_sum": true}]})")),
              HasSubstr("0.keep_sum"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"gates", "deep"}, {"control", true}}}}}),
              HasSubstr("give class too"));
  // What would do nothing.
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}}}}}),
              HasSubstr("0.name: changes nothing; give loops, gates or early_exit"));
  EXPECT_THAT(
      Error({{"interventions", {{{"name", "x"}, {"gates", "shuffled"}, {"class", "NUM"}}}}}),
      HasSubstr("0.class: is of gates that are set"));
  EXPECT_THAT(Error({{"interventions", {{{"name", "x"}, {"loops", 2}, {"keep_sum", true}}}}}),
              HasSubstr("0.keep_sum: is of gates that are set"));
  EXPECT_THAT(
      Error({{"interventions", {{{"name", "x"}, {"gates", "deep"}, {"shuffle", "joint"}}}}}),
      HasSubstr("0.shuffle: is of gates: shuffled"));
  EXPECT_THAT(
      Error({{"interventions", {{{"name", "x"}, {"gates", "deep"}, {"step_feature", "trained"}}}}}),
      HasSubstr("0.step_feature: is of forced steps"));
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "early_exit": 2}]})")),
              HasSubstr("0.early_exit"));
  EXPECT_THAT(Error(Json::parse(R"({"interventions": [{"name": "x", "layers": [-1]}]})")),
              HasSubstr("0.layers"));
  EXPECT_THAT(
      Error(Json::parse(R"({"interventions": [{"name": "x", "gates": "deep", "seed": 1}]})")),
      HasSubstr("0.seed"));
  EXPECT_THAT(
      Analyse(
          {{"interventions", Json::parse(R"([{"name": "x", "gates": "deep", "layers": [2]}])")}})
          .status()
          .message(),
      HasSubstr("intervention x: layers: model m has no loop or dual_path block in layer 2"));
  network_ = Network::Create(world_.Dense("plain"), "cpu").value();
  EXPECT_THAT(Analyse({{"sequences", 3}}).status().message(),
              HasSubstr("plain has no loop or dual_path block"));
}

}  // namespace
}  // namespace braid::trainer
