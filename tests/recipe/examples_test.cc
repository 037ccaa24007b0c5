// The examples parse, expand, and have the numbers of the papers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "recipe/parse/parse_recipe.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::Pair;
using testing::UnorderedElementsAre;

std::string Example(const std::string& name) {
  const auto text = ReadFile(std::string(BRAID_SOURCE_DIR) + "/examples/" + name);
  EXPECT_TRUE(text.ok()) << name;
  return text.ok() ? *text : "";
}

std::map<std::string, PlannedModel> ModelsOf(const Dag& dag) {
  std::map<std::string, PlannedModel> models;
  for (const PlannedModel& model : dag.models) models[model.name] = model;
  return models;
}

std::map<std::string, int64_t> ParametersOf(const Dag& dag) {
  std::map<std::string, int64_t> parameters;
  for (const PlannedModel& model : dag.models) parameters[model.name] = model.parameters;
  return parameters;
}

TEST(ExamplesTest, AreAllValid) {
  const auto files = Glob(std::string(BRAID_SOURCE_DIR) + "/examples/*/*.yaml");
  ASSERT_TRUE(files.ok());
  EXPECT_GE(files->size(), 7u);
  for (const std::string& file : *files) {
    const auto text = ReadFile(file);
    ASSERT_TRUE(text.ok());
    const auto recipe = ParseRecipe(*text, file);
    ASSERT_TRUE(recipe.ok()) << recipe.status().message();
    const auto dag = Expand(*recipe);
    EXPECT_TRUE(dag.ok()) << file << ": " << dag.status().message();
  }
}

// docs/papers/papaformer.md#s2.1, both kinds of block.
TEST(ExamplesTest, PaPaformerHasItsParameters) {
  const std::string text = Example("papaformer/recipe.yaml");
  const Known known{50278, {}};
  EXPECT_THAT(
      ParametersOf(MustExpand(text, known)),
      UnorderedElementsAre(Pair("llama_256", 33'619'200), Pair("llama_192", 23'739'840),
                           Pair("path_1", 13'610'880), Pair("path_2", 13'610'880),
                           Pair("share_linear", 29'354'752), Pair("gumbel_moe_1", 29'356'297),
                           Pair("gumbel_moe_2", 29'357'449)));
  EXPECT_THAT(
      ParametersOf(MustExpand(Replaced("compat: paper", "compat: fixed", text), known)),
      UnorderedElementsAre(Pair("llama_256", 34'135'296), Pair("llama_192", 24'028'608),
                           Pair("path_1", 13'658'496), Pair("path_2", 13'658'496),
                           Pair("share_linear", 29'579'008), Pair("gumbel_moe_1", 29'580'553),
                           Pair("gumbel_moe_2", 29'581'705)));
  const auto models = ModelsOf(MustExpand(text, known));
  EXPECT_EQ(models.at("llama_256").body_parameters, 7'876'864);
  EXPECT_NEAR(models.at("llama_256").forward.full_square() / 1e6, 43.6, 0.05);  // section 2.2
  EXPECT_NEAR(models.at("path_1").forward.full_square() / 1e6, 14.7, 0.05);
}

// docs/papers/papaformer.md#s4: 477 M and 206 M tokens are what is trained on. Stories have a
// validation set of their own; what is set aside of the mathematics comes on top of them.
TEST(ExamplesTest, PaPaformersTokensFallOut) {
  const std::string text = Example("papaformer/recipe.yaml");
  const double kept = 1 - MustParse(text).validation.documents;
  const auto math = static_cast<int64_t>(std::llround(206e6 / kept));
  const auto models = ModelsOf(
      MustExpand(text, {50278, {{"stories", 477'000'000}, {"math", math}}}));
  struct Row {
    const char* model;
    double tokens;
    int64_t micro_batches, steps;
  };
  for (const Row& row : {Row{"llama_256", 1366.0e6, 83'374, 10'421},
                         {"llama_192", 1366.0e6, 83'374, 10'421},
                         {"path_1", 572.4e6, 34'936, 4'367},
                         {"path_2", 247.2e6, 15'087, 1'885},
                         {"share_linear", 546.4e6, 33'349, 4'168},
                         {"gumbel_moe_1", 546.4e6, 33'349, 4'168},
                         {"gumbel_moe_2", 546.4e6, 33'349, 4'168}}) {
    const PlannedModel& model = models.at(row.model);
    EXPECT_NEAR(static_cast<double>(model.tokens), row.tokens, 4) << row.model;
    EXPECT_EQ(model.micro_batches, row.micro_batches) << row.model;
    EXPECT_EQ(model.steps, row.steps) << row.model;
  }
  // The paths and one composite see together what a baseline sees.
  EXPECT_NEAR(static_cast<double>(models.at("path_1").tokens + models.at("path_2").tokens +
                                  models.at("share_linear").tokens),
              static_cast<double>(models.at("llama_256").tokens), 4);
}

TEST(ExamplesTest, PaPaformersPhase1HasTheSmallerVocabulary) {
  // V = 50258: 20 rows less of embedding and head than phase 2.
  EXPECT_THAT(ParametersOf(MustExpand(Example("papaformer/phase1.yaml"), {50258, {}})),
              UnorderedElementsAre(Pair("llama_256", 33'619'200 - 2 * 20 * 256),
                                   Pair("llama_192", 23'739'840 - 2 * 20 * 192),
                                   Pair("share_linear", 29'354'752 - 2 * 20 * 256),
                                   Pair("gumbel_moe_1", 29'356'297 - 2 * 20 * 256),
                                   Pair("gumbel_moe_2", 29'357'449 - 2 * 20 * 256)));
}

TEST(ExamplesTest, PaPaformerComparesSevenModels) {
  for (const char* name : {"papaformer/recipe.yaml", "papaformer/tiny.yaml"}) {
    const Dag dag = MustExpand(Example(name));
    EXPECT_EQ(dag.models.size(), 7u);
    const Json routing = dag.Find("evaluate:gumbel_moe_1")->spec["routing"];
    EXPECT_FALSE(routing["prompts"].empty());
    EXPECT_EQ(routing["corpora"].size(), 2u);
  }
  const Json prompts = MustExpand(Example("papaformer/recipe.yaml"))
                           .Find("evaluate:share_linear")
                           ->spec["routing"]["prompts"];
  ASSERT_EQ(prompts.size(), 20u);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(prompts[i]["correct"], i < 10 ? 1 : 2);
}

// The docs/papers/dual_path.md#s5: parameters, and A and B of all layers, in millions a
// layer.
TEST(ExamplesTest, TheDualPathSweepIsThePublishedOne) {
  const auto models = ModelsOf(MustExpand(Example("dual_path/sweep_80m.yaml"), {50304, {}}));
  struct Arm {
    const char* name;
    int64_t parameters;
    double A, B;
  };
  const Arm arms[] = {
      {"pure_wide", 719'022'864, 80.22, 86.5},    {"pure_loop_2", 398'170'944, 80.22, 92.8},
      {"pure_loop_3", 294'361'936, 81.40, 100.3}, {"pure_loop_4", 237'738'848, 80.22, 105.4},
      {"dual_25_2", 643'588'976, 81.40, 100.3},   {"dual_25_3", 615'277'440, 81.40, 106.6},
      {"dual_25_4", 605'840'272, 83.76, 115.2},   {"dual_50_2", 558'654'320, 80.22, 99.1},
      {"dual_50_3", 511'468'416, 82.58, 107.7},   {"dual_50_4", 483'156'880, 82.58, 114.0},
      {"dual_75_2", 483'156'848, 81.40, 100.3},   {"dual_75_3", 398'222'208, 80.22, 105.4},
      {"dual_75_4", 360'473'488, 81.40, 112.9}};
  EXPECT_EQ(models.size(), std::size(arms));
  for (const Arm& arm : arms) {
    const PlannedModel& model = models.at(arm.name);
    EXPECT_EQ(model.parameters, arm.parameters) << arm.name;
    EXPECT_NEAR(model.block.projections / 1e6, arm.A, 0.011) << arm.name;
    EXPECT_NEAR(model.block.causal() / 1e6, arm.B, 0.06) << arm.name;
  }
}

TEST(ExamplesTest, TheDualPathSweepRunsItsSteps) {
  const Recipe recipe = MustParse(Example("dual_path/sweep_80m.yaml"));
  EXPECT_EQ(recipe.train.decay_scope, spec::DecayScope::kAllButEmbedding);
  const spec::Train& train = recipe.baselines[0].train;
  EXPECT_EQ(train.batch * train.accumulate * recipe.sequence, 2'097'152);
  EXPECT_EQ(MustExpand(Example("dual_path/sweep_80m.yaml"), {50304, {{"web", 50'000'000'000}}})
                .models[0]
                .tokens,
            38'503'710'720);
}

TEST(ExamplesTest, TheTinySweepIsAtEqualCost) {
  for (const auto& [name, model] : ModelsOf(MustExpand(Example("dual_path/tiny.yaml")))) {
    const double body = model.forward.projections - 2.0 * 2001 * 64;
    EXPECT_NEAR(body / (4 * 524'288), 1, 0.01) << name;
  }
}

TEST(ExamplesTest, ManyPathsAreUnequalAndAtTwoSites) {
  const Dag dag = MustExpand(Example("many_paths/recipe.yaml"));
  EXPECT_EQ(dag.Find("prepare:speeches")->site, "north");
  EXPECT_EQ(dag.Find("prepare:mathematics")->site, "south");
  EXPECT_EQ(dag.Find("tokenizer")->site, "north");
  EXPECT_EQ(dag.Find("merge:mixed")->spec["parents"].size(), 4u);
  EXPECT_EQ(dag.Find("merge:preserving")->spec["carry_optimizer"], true);
  EXPECT_EQ(dag.Find("merge:mixed")->spec["carry_optimizer"], false);
  EXPECT_EQ(dag.Find("merge:mixed")->spec["model"]["large"]["heads"], 10);
}

}  // namespace
}  // namespace braid::recipe
