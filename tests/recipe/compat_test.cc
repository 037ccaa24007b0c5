// The presets of docs/papers/papaformer.md#s7, each field alone.
#include "recipe/compat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/show/settings.h"
#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char kPaper[] = "compat: paper\n";

TEST(CompatTest, PaperIsWhatWasPublished) {
  const Recipe recipe = MustParse(kPaper + std::string(kSmall));
  EXPECT_FALSE(recipe.arch.attn_out_proj);
  EXPECT_EQ(recipe.arch.ffn_gate, Word("beta_swish"));
  EXPECT_EQ(recipe.arch.rope_layout, Word("interleaved"));
  EXPECT_EQ(recipe.arch.router_noise, Word("always"));
  EXPECT_EQ(recipe.arch.rope_max_pos, 512);
  EXPECT_EQ(recipe.train.last_label, spec::LastLabel::kCopyInput);
  EXPECT_EQ(recipe.train.lr_schedule, spec::LrSchedule::kCosineMisstepped);
  EXPECT_EQ(recipe.train.aux_load, spec::AuxLoad::kPlusEntropy);
  EXPECT_EQ(recipe.train.aux_probs, spec::AuxProbs::kSample);
  EXPECT_EQ(recipe.train.decay_scope, spec::DecayScope::kAll);
  EXPECT_EQ(recipe.train.accum_tail, spec::AccumTail::kCarry);
  EXPECT_EQ(recipe.train.shuffle_seed, spec::ShuffleSeed::kConstant);
  EXPECT_EQ(recipe.eval.loss_average, spec::LossAverage::kBatchMean);
  EXPECT_THAT(Overrides(recipe), IsEmpty());
  EXPECT_EQ(recipe.composites[0].spec.arch, recipe.arch);
}

TEST(CompatTest, FixedIsTheDefault) {
  const Recipe recipe = MustParse(kSmall);
  EXPECT_EQ(recipe.compat, spec::Compat::kFixed);
  EXPECT_EQ(recipe.arch, model::Arch());
  EXPECT_EQ(recipe.train.last_label, spec::LastLabel::kIgnore);
  EXPECT_EQ(recipe.train.lr_schedule, spec::LrSchedule::kCosine);
  EXPECT_EQ(recipe.train.aux_load, spec::AuxLoad::kNegEntropy);
  EXPECT_EQ(recipe.train.aux_probs, spec::AuxProbs::kSoftmax);
  EXPECT_EQ(recipe.train.decay_scope, spec::DecayScope::kMatrices);
  EXPECT_EQ(recipe.train.accum_tail, spec::AccumTail::kDrop);
  EXPECT_EQ(recipe.train.shuffle_seed, spec::ShuffleSeed::kPerEpoch);
  EXPECT_EQ(recipe.eval.loss_average, spec::LossAverage::kTokenMean);
  EXPECT_THAT(Overrides(recipe), IsEmpty());
}

TEST(CompatTest, FieldsOfOneModelAreNamedWithIt) {
  std::string text = Replaced("blocks: 4}", "blocks: 4, arch: {ffn_gate: beta_swish}}");
  text = Replaced("{name: c}", "{name: c, connect: routed, arch: {router_noise: always}}", text);
  EXPECT_THAT(Overrides(MustParse(text)), ElementsAre("baselines.dense.arch.ffn_gate = beta_swish",
                                                      "composites.c.arch.router_noise = always"));
}

// section, field and the value of the other preset, from `paper` to `fixed`.
class OverrideTest
    : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {};

TEST_P(OverrideTest, ChangesOneFieldAloneAndIsNamed) {
  const auto& [section, field, value] = GetParam();
  std::string small = kSmall;
  small.erase(small.rfind("train: "));  // written anew where it is the section
  const Recipe recipe = MustParse(kPaper + small + section + ": {" + field + ": " + value + "}\n");
  EXPECT_THAT(Overrides(recipe), ElementsAre(std::string(section) + "." + field + " = " + value));
  const auto dag = Expand(recipe, {});
  ASSERT_TRUE(dag.ok()) << dag.status().message();
  EXPECT_EQ(dag->Find("report")->spec["compat"],
            (Json{{"mode", "paper"},
                  {"overrides", {std::string(section) + "." + field + " = " + value}}}));
}

INSTANTIATE_TEST_SUITE_P(Fields, OverrideTest,
                         testing::Values(std::tuple{"arch", "attn_out_proj", "true"},
                                         std::tuple{"arch", "ffn_gate", "silu"},
                                         std::tuple{"arch", "rope_layout", "half"},
                                         std::tuple{"arch", "router_noise", "train_only"},
                                         std::tuple{"arch", "rope_max_pos", "0"},
                                         std::tuple{"train", "last_label", "ignore"},
                                         std::tuple{"train", "lr_schedule", "cosine"},
                                         std::tuple{"train", "aux_load", "neg_entropy"},
                                         std::tuple{"train", "aux_probs", "softmax"},
                                         std::tuple{"train", "decay_scope", "matrices"},
                                         std::tuple{"train", "accum_tail", "drop"},
                                         std::tuple{"train", "shuffle_seed", "per_epoch"},
                                         std::tuple{"eval", "loss_average", "token_mean"}));

TEST(CompatTest, NamesWhatSingleModelsSetOtherwise) {
  std::string text = Replaced("heads: 4, blocks: 4}",
                              "heads: 4, blocks: 4, train: {decay_scope: all}}");
  text = Replaced("{name: c}", "{name: c, joint: {aux_probs: sample}}", text) +
         "joint: {accum_tail: flush}\n";
  EXPECT_THAT(Overrides(MustParse(text)),
              ElementsAre("baselines.dense.train.decay_scope = all", "joint.accum_tail = flush",
                          "composites.c.joint.aux_probs = sample"));
}

TEST(CompatTest, StartsOfConnectionsAreNamedIfTheyAreNotThePresets) {
  EXPECT_THAT(Overrides(MustParse(Replaced("{name: c}", "{name: c, connect_init: normal}"))),
              ElementsAre("composites.c.connect_init = normal"));
  EXPECT_THAT(
      Overrides(MustParse(kPaper + Replaced("{name: c}", "{name: c, connect_init: identity}"))),
      ElementsAre("composites.c.connect_init = identity"));
  EXPECT_THAT(Overrides(MustParse(Replaced("{name: c}", "{name: c, connect: slice}"))), IsEmpty());
  EXPECT_THAT(SettingsInForce(MustParse(kSmall)),
              Contains("composites.0.connect_init = \"identity\"  (default)"));
  EXPECT_THAT(SettingsInForce(MustParse(kSmall)),
              Contains("composites.0.joint.lr_factor = 0.5  (default)"));
  EXPECT_THAT(SettingsInForce(MustParse(kPaper + std::string(kSmall))),
              Contains("composites.0.joint.lr_factor = 1  (default)"));
}

TEST(CompatTest, ThePlanNamesFieldsAndMode) {
  const std::vector<std::string> lines = SettingsInForce(MustParse(kPaper + std::string(kSmall)));
  for (const char* line :
       {"compat = \"paper\"", "arch.attn_out_proj = false  (default)",
        "train.aux_probs = \"sample\"  (default)", "eval.loss_average = \"batch_mean\"  (default)",
        "joint.freeze_paths = false  (default)", "joint.carry_optimizer = false  (default)",
        "train.lambda_entropy = 0.01  (default)", "arch.residual_init = \"plain\"  (default)"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST(CompatTest, PaperModeHasItsPositionTable) {
  EXPECT_EQ(ErrorOf(kPaper + std::string(kSmall) + "sequence: 1024\n"),
            "r.yaml:15:11: sequence: 1024 is above arch.rope_max_pos 512");
  EXPECT_EQ(MustParse(kPaper + std::string(kSmall) + "sequence: 1024\narch: {rope_max_pos: 2048}\n")
                .sequence,
            1024);
}

TEST(CompatTest, RulesThatDoNotFitTogetherAreErrors) {
  EXPECT_EQ(ErrorOf(kPaper + Replaced("batch: 4", "batch: 4, warmup_steps: 5")),
            "r.yaml:14:33: train.warmup_steps: lr_schedule cosine_misstepped has no warm-up");
  EXPECT_EQ(ErrorOf(kPaper + Replaced("batch: 4", "batch: 4, lr_min: 1e-5")),
            "r.yaml:14:27: train.lr_min: lr_schedule cosine_misstepped falls towards 0 alone");
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "batch: 4, warmup_steps: 5") +
                    "joint: {lr_schedule: cosine_misstepped}\n"),
            "r.yaml:14:8: joint.warmup_steps: lr_schedule cosine_misstepped has no warm-up");
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "batch: 4, aux_load: plus")),
            "r.yaml:13:29: train.aux_load: expected neg_entropy or plus_entropy, found \"plus\"");
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "batch: 4, dropout_parallel: 1")),
            "r.yaml:13:37: train.dropout_parallel: must be at least 0 and below 1, is 1");
  EXPECT_EQ(ErrorOf("compat: papre\n" + std::string(kSmall)),
            "r.yaml:1:9: compat: expected fixed or paper, found \"papre\"; did you mean paper?");
}

TEST(CompatTest, PathsFreezeForAWhileOrForEver) {
  const auto frozen = [](const std::string& value) {
    return MustParse(std::string(kSmall) + "joint: {freeze_paths: " + value + "}\n")
        .joint.freeze_paths;
  };
  EXPECT_EQ(frozen("true"), -1);
  EXPECT_EQ(frozen("false"), 0);
  EXPECT_EQ(frozen("100"), 100);
  EXPECT_EQ(ErrorOf(std::string(kSmall) + "joint: {freeze_paths: long}\n"),
            "r.yaml:14:23: joint.freeze_paths: expected true, false or a number of steps");
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, freeze_paths: true")),
              HasSubstr("train.freeze_paths: no such key"));
}

TEST(CompatTest, AuxiliaryLossesMayHaveAnySign) {
  EXPECT_EQ(MustParse(Replaced("batch: 4", "batch: 4, lambda_load: -0.01"))
                .composites[0]
                .joint.lambda_load,
            -0.01);
}

}  // namespace
}  // namespace braid::recipe
