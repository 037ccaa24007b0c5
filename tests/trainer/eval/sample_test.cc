#include "trainer/eval/generate/sample.h"

#include <gmock/gmock.h>

#include <cmath>

#include "schema/read.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

constexpr int32_t kPad = 4;
// Probabilities 0.5, 0.3, 0.15, 0.05 of ids 2, 0, 3, 1; the pad would be likeliest.
const std::vector<float> kLogits = {std::log(0.3f), std::log(0.05f), std::log(0.5f),
                                    std::log(0.15f), 9.0f};

// How often each id is chosen over an even grid of draws.
std::vector<double> Shares(const spec::GenerateSettings& settings) {
  std::vector<double> shares(kLogits.size());
  constexpr int kDraws = 10'000;
  for (int i = 0; i < kDraws; ++i) {
    shares[static_cast<size_t>(ChooseToken(kLogits, settings, kPad, (i + 0.5) / kDraws))] += 1.0 /
                                                                                             kDraws;
  }
  return shares;
}

void ExpectShares(const spec::GenerateSettings& settings, const std::vector<double>& expected) {
  const std::vector<double> shares = Shares(settings);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(shares[i], expected[i], 1e-3) << i;
  EXPECT_EQ(shares[kPad], 0);
}

TEST(ChooseTokenTest, GreedyTakesTheLikeliestAndOfEqualsTheFirst) {
  EXPECT_EQ(ChooseToken(kLogits, {}, kPad, 0.99), 2);
  EXPECT_EQ(ChooseToken(std::vector<float>{1, 3, 3, 0}, {}, -1, 0), 1);
  EXPECT_EQ(ChooseToken(std::vector<float>{9, 1, 2, 2}, {}, 0, 0), 2);
}

TEST(ChooseTokenTest, TemperatureOneGivesTheProbabilities) {
  spec::GenerateSettings settings;
  settings.temperature = 1;
  ExpectShares(settings, {0.3, 0.05, 0.5, 0.15});
}

TEST(ChooseTokenTest, TemperatureSharpens) {
  spec::GenerateSettings settings;
  settings.temperature = 0.5;  // probabilities squared
  const double total = 0.09 + 0.0025 + 0.25 + 0.0225;
  ExpectShares(settings, {0.09 / total, 0.0025 / total, 0.25 / total, 0.0225 / total});
}

TEST(ChooseTokenTest, TopKKeepsTheKLikeliest) {
  spec::GenerateSettings settings;
  settings.temperature = 1;
  settings.top_k = 2;
  ExpectShares(settings, {0.375, 0, 0.625, 0});
}

TEST(ChooseTokenTest, TopPKeepsTheFewestThatReachIt) {
  spec::GenerateSettings settings;
  settings.temperature = 1;
  settings.top_p = 0.7;
  ExpectShares(settings, {0.375, 0, 0.625, 0});
  settings.top_p = 0.85;
  ExpectShares(settings, {0.3 / 0.95, 0, 0.5 / 0.95, 0.15 / 0.95});
  settings.top_p = 1e-9;
  ExpectShares(settings, {0, 0, 1, 0});
}

TEST(SampleSettingsTest, ErrorsNameTheField) {
  const auto error = [](const Json& json) {
    return schema::FromJson<spec::GenerateSettings>(json, "spec.generate").status().message();
  };
  EXPECT_THAT(error({{"prompts", {"a"}}, {"top_p", 0}}),
              HasSubstr("spec.generate.top_p: must be above 0 and at most 1"));
  EXPECT_THAT(error({{"prompts", {"a"}}, {"temperature", -1}}),
              HasSubstr("spec.generate.temperature"));
  EXPECT_THAT(error({{"prompts", {"a"}}, {"tokens", 0}}),
              HasSubstr("spec.generate.tokens: must be in 1 .. 100000, is 0"));
  EXPECT_THAT(error({{"prompts", {"a"}}, {"topk", 1}}), HasSubstr("spec.generate.topk"));
}

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() : encoder_(world_.shared_tokenizer()) {}
  std::unique_ptr<Network> Make(int64_t positions = 0) {
    model::ModelSpec spec = world_.Dense("m");
    spec.arch.rope_max_pos = positions;
    auto network = Network::Create(spec, "cpu").value();
    network->Initialize(1);
    return network;
  }
  // A composite whose router always draws noise.
  std::unique_ptr<Network> MakeNoisy() {
    model::ModelSpec spec = world_.Composite();
    spec.connection.kind = Word("routed");
    spec.connection.router.kind = Word("gumbel");
    spec.arch.router_noise = Word("always");
    auto network = Network::Create(spec, "cpu").value();
    network->Initialize(1);
    return network;
  }
  SmallWorld world_;
  corpus::Encoder encoder_;
};

TEST_F(GenerateTest, GreedyFollowsTheLogits) {
  const auto network = Make();
  spec::GenerateSettings settings;
  settings.tokens = 3;
  const Sample sample =
      Generate(*network, world_.tokenizer(), encoder_, "the cat", settings, 0).value();
  std::vector<int32_t> ids, made;
  encoder_.Encode("the cat", &ids);
  for (int i = 0; i < 3; ++i) {
    const std::vector<float> logits = network->Logits(ids, true);
    made.push_back(
        static_cast<int32_t>(std::max_element(logits.begin(), logits.end() - 1) - logits.begin()));
    ids.push_back(made.back());
  }
  EXPECT_EQ(sample.text, world_.tokenizer().Decode(made));
  EXPECT_EQ(sample.next.at(0).first, world_.tokenizer().Decode({made.at(0)}));
}

TEST_F(GenerateTest, ListsTheFiveLikeliestWithTheirProbabilities) {
  const auto network = Make();
  spec::GenerateSettings settings;
  settings.tokens = 1;
  const Sample sample =
      Generate(*network, world_.tokenizer(), encoder_, "the cat", settings, 0).value();
  std::vector<int32_t> ids;
  encoder_.Encode("the cat", &ids);
  std::vector<float> logits = network->Logits(ids, true);
  logits.pop_back();  // the pad
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  std::sort(logits.rbegin(), logits.rend());
  ASSERT_EQ(sample.next.size(), 5u);
  for (size_t k = 0; k < 5; ++k) {
    EXPECT_NEAR(sample.next[k].second, std::exp(static_cast<double>(logits[k])) / total, 1e-9);
  }
}

TEST_F(GenerateTest, ASeedIsAText) {
  const auto network = Make();
  spec::GenerateSettings settings;
  settings.temperature = 1;
  settings.tokens = 20;
  const auto text = [&](uint64_t seed, uint64_t stream) {
    settings.seed = seed;
    return Generate(*network, world_.tokenizer(), encoder_, "", settings, stream).value().text;
  };
  EXPECT_EQ(text(1, 0), text(1, 0));
  EXPECT_NE(text(1, 0), text(2, 0));
  EXPECT_NE(text(1, 0), text(1, 1));
}

TEST_F(GenerateTest, MoreThanThePositionTableIsRefused) {
  const auto network = Make(16);
  spec::GenerateSettings settings;
  settings.tokens = 16;
  EXPECT_THAT(
      Generate(*network, world_.tokenizer(), encoder_, "the cat", settings, 0).status().message(),
      HasSubstr("prompt \"the cat\""));
  std::vector<int32_t> ids;
  encoder_.Encode("the cat", &ids);
  settings.tokens = 17 - static_cast<int64_t>(ids.size());  // the last one is made, not read
  const auto longest = Generate(*network, world_.tokenizer(), encoder_, "the cat", settings, 0);
  EXPECT_TRUE(longest.ok()) << longest.status().message();
}

TEST_F(GenerateTest, SideBySideEachPromptHasItsOwnText) {
  const std::vector<std::string> prompts = {"the cat", "", "a dog and a cat sat on the mat", "the"};
  spec::GenerateSettings settings;
  settings.temperature = 1;
  settings.tokens = 12;
  for (const auto& network : {Make(), MakeNoisy()}) {
    const std::vector<Sample> all =
        GenerateAll(*network, world_.tokenizer(), encoder_, prompts, settings, 5).value();
    ASSERT_EQ(all.size(), prompts.size());
    for (size_t i = 0; i < prompts.size(); ++i) {
      const Sample one =
          Generate(*network, world_.tokenizer(), encoder_, prompts[i], settings, 5 + i).value();
      EXPECT_EQ(all[i].prompt, prompts[i]);
      EXPECT_EQ(all[i].text, one.text) << prompts[i];
      ASSERT_EQ(all[i].next.size(), one.next.size());
      for (size_t k = 0; k < one.next.size(); ++k) {
        EXPECT_EQ(all[i].next[k].first, one.next[k].first);
        EXPECT_NEAR(all[i].next[k].second, one.next[k].second, 1e-7);
      }
    }
  }
}

TEST(PromptsAtOnceTest, AsManyAsHaveRoomForTheirKeys) {
  model::ModelSpec spec;
  spec.dense = {"m", 1024, 16, 32, 4096};
  // 256 KB a token.
  EXPECT_EQ(PromptsAtOnce(spec, 20, 44), 32u);
  EXPECT_EQ(PromptsAtOnce(spec, 100, 412), 4u);
  EXPECT_EQ(PromptsAtOnce(spec, 100, 100'000), 1u);
  // Heads of keys that four queries share take a quarter.
  spec.dense.kv_heads = 4;
  EXPECT_EQ(PromptsAtOnce(spec, 100, 412), 16u);
  spec.dense.kv_heads = 0;
  // Each step of a loop keeps its own.
  spec.dense.block = Word("loop");
  spec.dense.dual.loops = 4;
  EXPECT_EQ(PromptsAtOnce(spec, 20, 44), 8u);
  spec.kind = model::Kind::kComposite;
  spec.large = {"large", 1024, 16, 32, 4096};
  spec.paths = {spec.large, spec.large};
  EXPECT_EQ(PromptsAtOnce(spec, 100, 412), 1u);
}

TEST_F(GenerateTest, WhatRanBeforeDoesNotMatterToARouterThatAlwaysDrawsNoise) {
  const auto network = MakeNoisy();
  spec::GenerateSettings settings;
  settings.tokens = 1;
  const auto next = [&] {
    return Generate(*network, world_.tokenizer(), encoder_, "the cat", settings, 0).value().next;
  };
  const auto first = next();
  (void)network->Logits({1, 2, 3}, false);
  EXPECT_EQ(next(), first);
  settings.seed = 7;
  EXPECT_NE(next(), first);
}

}  // namespace
}  // namespace braid::trainer
