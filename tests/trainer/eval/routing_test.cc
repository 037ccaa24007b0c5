#include "trainer/eval/routing/routing.h"

#include <gmock/gmock.h>

#include <sstream>

#include "corpus/dataset.h"
#include "schema/read.h"
#include "tests/trainer/small_world.h"
#include "trainer/eval/routing/tally.h"

namespace braid::trainer {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Decisions as published: one word a prompt, one digit a layer; the first ten prompts are stories
// (path 1), then mathematics (path 2).
RoutingTally Published(const std::string& rows, int64_t choices) {
  RoutingTally tally(choices);
  std::istringstream words(rows);
  std::string word;
  for (int64_t row = 0; words >> word; ++row) {
    for (const char digit : word) tally.Add(digit - '1', row < 10 ? 0 : 1);
  }
  return tally;
}

TEST(RoutingTallyTest, GivesThePublishedSummaries) {
  const RoutingTally first = Published(
      "221 222 221 222 221 211 212 212 111 211 112 111 111 112 122 112 122 132 211 222", 3);
  EXPECT_EQ(first.decisions(), 60);
  EXPECT_NEAR(first.Correct(), 40.0, 0.05);
  EXPECT_THAT(first.Shares(),
              ElementsAre(DoubleNear(48.3, 0.05), DoubleNear(50.0, 0.05), DoubleNear(1.7, 0.05)));

  const RoutingTally second = Published(
      "223 222 112 223 222 211 222 212 122 212 122 221 212 222 221 223 222 311 221 222", 3);
  EXPECT_NEAR(second.Correct(), 46.7, 0.05);
  EXPECT_THAT(second.Shares(),
              ElementsAre(DoubleNear(23.3, 0.05), DoubleNear(70.0, 0.05), DoubleNear(6.7, 0.05)));

  const RoutingTally share = Published(
      "21 11 11 11 21 12 21 11 21 12 21 11 11 22 12 21 11 11 11 21", 2);
  EXPECT_EQ(share.decisions(), 40);
  EXPECT_NEAR(share.Correct(), 50.0, 0.05);
  EXPECT_THAT(share.Shares(), ElementsAre(DoubleNear(70.0, 0.05), DoubleNear(30.0, 0.05)));
}

TEST(RoutingTallyTest, DecisionsOfUnknownTextAreNotJudged) {
  RoutingTally tally(2);
  tally.Add(1, -1);
  EXPECT_FALSE(ToJson(tally).contains("correct"));
  tally.Add(1, 1);
  EXPECT_EQ(ToJson(tally)["correct"], 100.0);
  EXPECT_EQ(ToJson(tally)["decisions"], 2);
}

TEST(RoutingPromptsTest, TenStoriesAndTenOfMathematics) {
  ASSERT_THAT(DefaultRoutingPrompts(), SizeIs(20));
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(DefaultRoutingPrompts()[i].correct, i < 10 ? 1 : 2);
  EXPECT_EQ(DefaultRoutingPrompts()[1].text,
            "Once upon a time, there was a little boy named Lily.");
}

class RoutingTest : public ::testing::Test {
 protected:
  // Two layers and a third without a choice. Layer 0 chooses by the token's parity, layer 1 always
  // the combination; without noise, path 1.
  RoutingTest() {
    model_.choices = 3;
    model_.has_router = true;
    model_.trace = [](const int32_t* ids, int64_t batch, int64_t sequence) {
      std::vector<LayerRouting> layers(3);
      for (int64_t i = 0; i < batch * sequence; ++i) {
        layers[0].choices.push_back(static_cast<uint8_t>(ids[i] % 2));
        layers[1].choices.push_back(2);
        layers[0].clean_choices.push_back(0);
        layers[1].clean_choices.push_back(0);
      }
      return layers;
    };
  }
  SmallWorld world_;
  RoutedModel model_;
};

TEST_F(RoutingTest, APromptCountsWithItsLastPosition) {
  corpus::Encoder encoder(world_.shared_tokenizer());
  std::vector<int32_t> ids;
  encoder.Encode("the cat sat", &ids);
  const Json json = RoutePrompts({{"the cat sat", 1}, {"the cat sat", 0}}, encoder, model_).value();
  const int64_t first = ids.back() % 2 + 1;
  EXPECT_EQ(json["prompts"][0]["decisions"], (Json{{first, 3}}));
  EXPECT_EQ(json["prompts"][0]["clean_decisions"], (Json{{1, 1}}));
  EXPECT_EQ(json["summary"]["decisions"], 4);
  EXPECT_EQ(json["summary"]["correct"], first == 1 ? 50.0 : 0.0);  // of the first prompt alone
  EXPECT_EQ(json["clean"]["correct"], 100.0);
  EXPECT_EQ(json["summary"]["shares"][2], 50.0);
}

TEST_F(RoutingTest, WithoutPromptsThereIsNothingToSum) {
  corpus::Encoder encoder(world_.shared_tokenizer());
  EXPECT_EQ(RoutePrompts({}, encoder, model_).value(), Json({{"prompts", Json::array()}}));
}

TEST_F(RoutingTest, HeldOutTextCountsWithEveryToken) {
  const auto shards = corpus::Shards::Open(world_.at("data.tales")).value();
  int64_t odd = 0;
  std::vector<int32_t> ids(SmallWorld::kSequence);
  for (int64_t i = 0; i < 3; ++i) {
    corpus::ReadValidation(shards, SmallWorld::kSequence, i, ids.data());
    for (const int32_t id : ids) odd += id % 2;
  }
  const Json json = RouteText(shards, SmallWorld::kSequence, 3, 2, model_).value();
  const int64_t tokens = 3 * SmallWorld::kSequence;
  EXPECT_EQ(json["decisions"], 2 * tokens);
  ASSERT_EQ(json["layers"].size(), 2u);
  EXPECT_NEAR(json["layers"][0]["correct"].get<double>(),
              100.0 * static_cast<double>(odd) / static_cast<double>(tokens), 1e-9);
  EXPECT_NEAR(json["correct"].get<double>(),
              50.0 * static_cast<double>(odd) / static_cast<double>(tokens), 1e-9);
  EXPECT_EQ(json["layers"][1]["shares"][2], 100.0);
  EXPECT_EQ(json["clean"]["decisions"], 2 * tokens);
  EXPECT_EQ(json["clean"]["shares"][0], 100.0);
  EXPECT_THAT(RouteText(shards, 5000, 1, 1, model_).status().message(),
              HasSubstr("raise validation.documents"));
}

TEST_F(RoutingTest, RefusesPromptsItCannotRead) {
  corpus::Encoder encoder(world_.shared_tokenizer());
  EXPECT_THAT(RoutePrompts({{"", 1}}, encoder, model_).status().message(),
              HasSubstr("a prompt is empty"));
  model_.max_positions = 2;
  EXPECT_THAT(RoutePrompts({{"the cat sat on the mat", 1}}, encoder, model_).status().message(),
              HasSubstr("prompt \"the cat sat on the mat\""));
}

// Of a composite of two paths.
Result<RoutingPlan> Plan(const Json& json) {
  BRAID_ASSIGN_OR_RETURN(const auto settings,
                         schema::FromJson<spec::RoutingSettings>(json, "spec.routing"));
  return RoutingPlan::Of(settings, "spec.routing", 2);
}

TEST(RoutingSettingsTest, ReadsPromptsAndCorpora) {
  const Json json = {{"prompts", {{{"text", "a"}, {"correct", 2}}}},
                     {"sequences", 4},
                     {"corpora", {{"tales", 1}}}};
  const RoutingPlan settings = Plan(json).value();
  ASSERT_THAT(settings.prompts, SizeIs(1));
  EXPECT_EQ(settings.prompts[0].correct, 2);
  EXPECT_EQ(settings.corpora.at("tales"), 1);
  EXPECT_THAT(Plan(Json::object()).value().prompts, SizeIs(20));
  EXPECT_THAT(Plan({{"prompts", Json::array()}, {"sequences", 1}}).value().prompts, SizeIs(0));
  const auto error = [](const Json& bad) { return Plan(bad).status().message(); };
  EXPECT_THAT(error({{"prompts", {{{"text", "a"}, {"correct", 3}}}}}),
              HasSubstr("spec.routing.prompts.0.correct: is 3, but the model has paths 1 to 2"));
  EXPECT_THAT(error({{"corpora", {{"tales", 9}}}}), HasSubstr("spec.routing.corpora.tales: is 9"));
  EXPECT_THAT(error({{"sequence", 1}}), HasSubstr("did you mean sequences"));
}

}  // namespace
}  // namespace braid::trainer
