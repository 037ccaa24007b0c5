// Recipes with a value spoiled in each way: an error with its place, never an exception.
#include <gmock/gmock.h>

#include "base/json.h"
#include "base/utf8.h"
#include "recipe/parse/parse_recipe.h"
#include "recipe/show/settings.h"
#include "tests/base/mutations.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// JSON is YAML. Nearly every section that there is.
Json Whole() {
  return Json::parse(R"({
    "run": "whole", "compat": "fixed", "seed": 7, "sequence": 64, "memory": {"train": "24GB", "joint": 5},
    "tokenizer": {"train": {"vocab": 400, "bytes": 1000, "corpora": ["tales"]}},
    "arch": {"attn_out_proj": true, "ffn_gate": "silu", "rope_layout": "half", "router_noise": "always", "rope_max_pos": 128, "norm_eps": 1e-5, "rope_base": 1e4},
    "corpora": {"tales": {"files": ["a.jsonl"], "text": "text", "sample": 0.5, "tokens": 1000, "validation": ["v.jsonl"]},
                "sums": {"files": "b/*.jsonl", "join": ["q", "a"], "joiner": " "}},
    "validation": {"documents": 0.1}, "split": {"paths": 0.6, "joint": 0.4, "unit": "chunk"},
    "paths": [{"name": "p1", "corpus": "tales", "d": 16, "heads": 2, "blocks": 1, "ffn": 32, "slots": 1, "device": "cpu"},
              {"name": "p2", "corpus": "sums", "d": 16, "heads": 2, "blocks": 1, "block": "dual_path", "dual": {"loops": 2, "ffn_deep": 16, "ffn_wide": 32, "gate": "two_gates"}}],
    "composites": [{"name": "c", "connect": "routed", "router": {"kind": "gumbel", "input": "concat"}, "joint": {"ranks": 1, "freeze_paths": 3}},
                   {"name": "s", "connect": "slice"}],
    "baselines": [{"name": "b", "d": 16, "heads": 2, "blocks": 1, "train": {"steps": 7}}],
    "train": {"batch": 4, "accumulate": 1, "epochs": 1, "warmup_steps": 2, "warmup_start": 1e-5, "clip": 1.0, "lr_min": 1e-6,
              "optimizer": {"lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1}, "lambda_entropy": 0.01, "lambda_load": 0.01,
              "dropout_parallel": 0.1, "checkpoint": {"steps": 5, "seconds": 60}, "validate": {"steps": 5, "sequences": 2}},
    "joint": {"ranks": 2, "slots": 1, "carry_optimizer": true, "freeze_paths": false, "batch": 4},
    "eval": {"loss_average": "token_mean"},
    "evaluate": [{"loss": {"sequences": 4}}, {"blimp": {"dir": "blimp", "pairs": 10}}, {"glue": {"dir": "glue", "tasks": ["cola"], "lr": 1e-3}},
                 {"generate": {"tokens": 4, "temperature": 0.5, "top_p": 0.9, "prompts": ["a"]}}, {"routing": {"sequences": 4}},
                 {"resources": {"slots": 1}}],
    "export": {"format": "huggingface"}})");
}

TEST(SpoiledRecipeTest, TheWholeRecipeIsFine) {
  const auto recipe = ParseRecipe(Whole().dump(), "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  EXPECT_TRUE(Expand(*recipe).ok());
}

TEST(SpoiledRecipeTest, WhatIsNestedTooDeeplyIsSaidWithItsPlace) {
  for (const std::string& open : {std::string("["), std::string("{a: ")}) {
    std::string text = "run: deep\ncorpora: ";
    for (int i = 0; i < 2000; ++i) text += open;
    const std::string message = ParseRecipe(text, "r.yaml").status().message();
    EXPECT_THAT(message, StartsWith("r.yaml:2:"));
    EXPECT_THAT(message,
                HasSubstr(": nested deeper than 500 levels, which no field of a recipe is; "
                          "is a closing bracket missing before it?"));
    EXPECT_THAT(ParseJoint(text, "j.yaml").status().message(), HasSubstr("nested deeper than"));
  }
}

TEST(SpoiledRecipeTest, NoValueOfAnyTypeThrows) {
  ForEachMutation(Whole(), [](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW({
      const auto recipe = ParseRecipe(mutated.dump(), "r.yaml");
      if (recipe.ok()) {
        (void)Expand(*recipe, {300, {{"tales", 10'000}, {"sums", 10'000}}}).status();
        (void)SettingsInForce(*recipe);
      } else {
        EXPECT_THAT(recipe.status().message(), StartsWith("r.yaml:")) << what;
      }
    }) << what;
  });
}

// Every number of the recipe that is no whole number, as far as its section is read.
TEST(SpoiledRecipeTest, NumbersAreFinite) {
  const Json whole = Whole(), flat = whole.flatten();
  size_t numbers = 0;
  for (const auto& [pointer, value] : flat.items()) {
    if (!value.is_number_float()) continue;
    ++numbers;
    for (const char* word : {"inf", "-inf", "nan", "1e999"}) {
      Json mutated = whole;
      mutated[Json::json_pointer(pointer)] = word;  // in YAML a word is what it looks like
      EXPECT_FALSE(ParseRecipe(mutated.dump(), "r.yaml").ok()) << pointer << " = " << word;
    }
  }
  EXPECT_GT(numbers, 15u);
  EXPECT_EQ(ErrorOf(Replaced("lr: 1e-3", "lr: inf")),
            "r.yaml:13:35: train.optimizer.lr: must be finite, is \"inf\"");
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "clip: nan")),
              HasSubstr("r.yaml:13:15: train.clip: must be finite, is \"nan\""));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: inf")),
              HasSubstr("train.batch: expected a whole number, found \"inf\""));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 1e300")),
              HasSubstr("train.batch: expected a whole number, found \"1e300\""));
}

TEST(SpoiledRecipeTest, OtherEncodingsAreNamedWithTheirPlace) {
  EXPECT_EQ(
      ErrorOf(Replaced("run: small", "run: small # caf\xE9")),
      "r.yaml:1:17: byte 0xE9 is not UTF-8; save the file as UTF-8 (it may be Latin-1 or UTF-16)");
  EXPECT_THAT(ErrorOf(Replaced("tales.jsonl", "t\xE4les.jsonl")),
              HasSubstr("r.yaml:4:20: byte 0xE4 is not UTF-8"));
  EXPECT_THAT(ErrorOf(std::string("\xFF\xFEr\0u\0n\0", 8)),
              HasSubstr("r.yaml:1:1: byte 0xFF is not UTF-8"));
  EXPECT_THAT(ParseJoint("{ranks: \"\xE9\"}", "joint").status().message(),
              HasSubstr("joint:1:10: byte 0xE9"));
  EXPECT_TRUE(ParseRecipe("\xEF\xBB\xBF" + std::string(kSmall), "r.yaml").ok());  // a mark of order
                                                                                  // is UTF-8
  // A message never ends inside a character.
  for (size_t before = 0; before < 4; ++before) {
    std::string word(before, 'x');
    for (int i = 0; i < 200; ++i) word += "\xE2\x82\xAC";
    const std::string error = ErrorOf(Replaced("batch: 4", "batch: " + word));
    EXPECT_THAT(error, HasSubstr("expected a whole number, found \"" + word.substr(0, before + 3)));
    EXPECT_TRUE(IsUtf8(error)) << error;
    EXPECT_LT(error.size(), 300u);
  }
}

TEST(SpoiledRecipeTest, TheEntriesOfATokenizerThatIsNotHereMayBeSaid) {
  const auto recipe = ParseRecipe(
      Replaced("{train: {vocab: 400}}", "{file: tokenizer.json, vocab: 50257}"), "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  const auto dag = Expand(*recipe);
  ASSERT_TRUE(dag.ok());
  EXPECT_EQ(dag->models[0].parameters - dag->models[0].body_parameters, 2 * 50258 * 64);
  EXPECT_THAT(ErrorOf(Replaced("{train: {vocab: 400}}", "{train: {vocab: 400}, vocab: 400}")),
              HasSubstr("tokenizer.vocab: is the number of entries of file"));
}

TEST(SpoiledRecipeTest, TrainingsThatDoNothingAreCautionedAgainst) {
  const Known known{0, {{"tales", 100'000}, {"sums", 100'000}}};
  const auto cautions = [&](const std::string& text) {
    std::map<std::string, std::string> by_job;
    for (const Caution& caution : MustExpand(text, known).cautions)
      by_job[caution.job] = caution.text;
    return by_job;
  };
  // 59,400 tokens of tales are for path_1, 7 steps of 8 times 4 times 256 tokens.
  const auto warm = cautions(Replaced("batch: 4", "batch: 4, epochs: 1, warmup_steps: 7"));
  EXPECT_THAT(warm.at("path_1"),
              HasSubstr("warmup_steps 7: the whole training has about 7 steps, so the rate does "
                        "not get to optimizer.lr before it ends"));
  EXPECT_EQ(cautions(Replaced("batch: 4", "batch: 4, epochs: 1, warmup_steps: 6")).count("path_1"),
            0u);
  EXPECT_EQ(cautions(Replaced("batch: 4", "batch: 4, epochs: 2, warmup_steps: 7")).count("path_1"),
            0u);
  // sums is capped at 1,000 tokens: no step, unless what is left over is one.
  EXPECT_THAT(warm.at("path_2"), HasSubstr("an epoch of about 594 tokens does not fill one step "
                                           "(batch 4 x accumulate 8 x sequence 256)"));
  EXPECT_EQ(
      cautions(Replaced("batch: 4", "batch: 1, accumulate: 4, accum_tail: flush")).count("path_2"),
      0u);
  EXPECT_EQ(
      cautions(Replaced("batch: 4", "batch: 1, accumulate: 4, accum_tail: drop")).count("path_2"),
      1u);
  EXPECT_EQ(cautions(Replaced("batch: 4", "batch: 1, accumulate: 4, accum_tail: carry, epochs: 2"))
                .count("path_2"),
            1u)
      << "an epoch must have a step";
  EXPECT_THAT(
      cautions(Replaced("batch: 4", "batch: 4, epochs: 1, average: {last: 4, every: 3}"))
          .at("path_1"),
      HasSubstr("average: the last 4 states, every 3 steps, reach back 9 steps, and the whole "
                "training has about 7: it will be refused; lower average.last or average.every"));
  EXPECT_EQ(cautions(Replaced("batch: 4", "batch: 4, epochs: 1, average: {last: 3, every: 3}"))
                .count("path_1"),
            0u);
  // Parents that end at different rates leave the joint phase the lowest.
  const std::string on = Replaced("batch: 4", "batch: 4, lr_schedule: constant",
                                  Composed("joint: {lr_schedule: continue}"));
  EXPECT_EQ(cautions(on).count("joint:c"), 0u);
  EXPECT_THAT(cautions(Replaced("corpus: sums", "corpus: sums, train: {optimizer: {lr: 3e-3}}", on))
                  .at("joint:c"),
              HasSubstr("lr_schedule continue: the parents' trainings end at different rates "
                        "(path_1 at 0.001, path_2 at 0.003); the joint phase begins at the lowest "
                        "of them"));
  // A cap is known without the text.
  const auto capped = MustExpand(Replaced("batch: 4", "batch: 4, steps: 5, warmup_steps: 9"));
  ASSERT_FALSE(capped.cautions.empty());
  EXPECT_THAT(capped.cautions[0].text,
              HasSubstr("warmup_steps 9: the whole training has at most 5 steps"));
  EXPECT_TRUE(MustExpand(Replaced("batch: 4", "batch: 4, warmup_steps: 9")).cautions.size() <=
              1u);  // of sums alone, whose cap is known
}

}  // namespace
}  // namespace braid::recipe
