// The plan: jobs, sizes and settings, for people and as proto3 JSON.
#include "cli/plan.h"

#include <gmock/gmock.h>

#include "cli/command.h"
#include "tests/cli/recipe_folder.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;

class PlanTest : public RecipeFolder {};

// As `braid -o json plan` prints it: 64-bit numbers are texts.
Json JsonOf(const RecipeFile& file) {
  testing::internal::CaptureStdout();
  PrintJson(PlanOf(file));
  return Json::parse(testing::internal::GetCapturedStdout());
}

TEST_F(PlanTest, ThePlanShowsJobsAndDefaults) {
  const auto file = LoadRecipe(Recipe("  c: {files: [a/*.jsonl]}\n"), {});
  ASSERT_TRUE(file.ok());
  const std::string plan = PlanText(PlanOf(*file));
  EXPECT_THAT(plan, HasSubstr("prepare:c"));
  EXPECT_THAT(plan, HasSubstr("train.batch = 32  (default)"));
  const Json json = JsonOf(*file);
  EXPECT_EQ(json["run"], "small");
  EXPECT_EQ(json["jobs"].size(), file->dag.jobs.size());
}

TEST_F(PlanTest, ThePlanShowsExactCountsAndBothAccountings) {
  const std::string recipe = Recipe("  c: {files: [a/*.jsonl], sample: 0.5}\n",
                                    "arch: {ffn_gate: beta_swish}\nsequence: 16\n"
                                    "paths: [{name: p, corpus: c, d: 64, heads: 2, blocks: 3, block: wide, dual: {ffn_wide: 100}}]\n");
  const auto file = LoadRecipe(recipe, {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  // By hand: embedding and head 2 * 301 * 64; a block 4 * 64^2 + 3 * 64 * 100 + 100 (beta) + 2 * 64 + 1 (scale); norm 64.
  constexpr int64_t kBody = 3 * (4 * 64 * 64 + 3 * 64 * 100 + 100 + 2 * 64 + 1) + 64;
  constexpr double kA = 2.0 * (4 * 64 * 64 + 3 * 64 * 100), kScores = 2.0 * 16 * 64;
  const Json model = JsonOf(*file)["models"][0];
  EXPECT_EQ(model["name"], "p");
  EXPECT_EQ(model["parameters"], std::to_string(2 * 301 * 64 + kBody));
  EXPECT_EQ(model["bodyParameters"], std::to_string(kBody));
  EXPECT_EQ(model["flopsPerBlock"], (Json{{"projections", kA}, {"causal", kA + kScores}}));
  EXPECT_EQ(model["flopsPerToken"]["projections"], 3 * kA + 2 * 301 * 64);
  EXPECT_EQ(file->dag.Find("prepare:c")->estimate.tokens, 4000 / 4 / 2);  // sampled
  const std::string plan = PlanText(PlanOf(*file));
  EXPECT_THAT(plan, HasSubstr("146,031         107,503"));
  EXPECT_THAT(plan, HasSubstr("0.071      0.073"));
  EXPECT_THAT(plan, HasSubstr("compat fixed, with arch.ffn_gate = beta_swish"));
  EXPECT_EQ(JsonOf(*file)["compat"], (Json{{"mode", "fixed"}, {"overrides", {"arch.ffn_gate = beta_swish"}}}));
  const auto alone = LoadRecipe(recipe, {"m"});
  ASSERT_TRUE(alone.ok());
  EXPECT_THAT(PlanText(PlanOf(*alone)), testing::Not(HasSubstr("146,031")));
}

}  // namespace
}  // namespace braid::cli
