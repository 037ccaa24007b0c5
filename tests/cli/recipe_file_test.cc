// Recipes on disk: which files they name, what is said when one is missing, the plan.
#include "cli/recipe_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"

namespace braid::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;

class RecipeFileTest : public testing::Test {
 protected:
  RecipeFileTest() : folder_(std::move(TemporaryFolder::Create()).value()) {
    Write("a/one.jsonl", std::string(4000, 'x'));
    Write("b/one.jsonl", std::string(8000, 'x'));
    Write("b/two.txt.gz", "z");
  }

  std::string At(const std::string& name) const { return JoinPath(folder_.path(), name); }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeFolder(std::string(FolderOf(At(name)))).ok());
    ASSERT_TRUE(WriteFileAtomic(At(name), text).ok());
  }

  std::string Recipe(const std::string& corpora, const std::string& more = "") {
    Write("recipe.yaml", "run: small\ntokenizer: {train: {vocab: 300}}\ncorpora:\n" + corpora +
                             "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n" + more);
    return At("recipe.yaml");
  }

  TemporaryFolder folder_;
};

TEST_F(RecipeFileTest, FilesAreFoundFromTheRecipesFolder) {
  const auto file = LoadRecipe(Recipe("  c: {files: [\"*/*.jsonl\"]}\n"), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto files = FilesOf(*file, file->dag.sources.front());
  ASSERT_TRUE(files.ok());
  // Both are called one.jsonl: the second keeps apart.
  EXPECT_THAT(*files, ElementsAre(Pair("1/one.jsonl", At("b/one.jsonl")), Pair("one.jsonl", At("a/one.jsonl"))));
  EXPECT_EQ(file->dag.Find("prepare:c")->estimate.tokens, 12'000 / 4);
}

TEST_F(RecipeFileTest, AMissingFileNamesItsLine) {
  const auto file = LoadRecipe(Recipe("  c: {files: [a/*.jsonl]}\n  e: {files: [nowhere/*.jsonl]}\n"), {});
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().message(), At("recipe.yaml") + ":5: no file matches " + At("nowhere/*.jsonl"));
}

TEST_F(RecipeFileTest, AFolderIsNoFile) {
  const auto file = LoadRecipe(Recipe("  c: {files: [a]}\n"), {});
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), EndsWith("/a is a folder; name its files, with a pattern perhaps"));
}

TEST_F(RecipeFileTest, OnlyWhatIsAskedForMustExist) {
  const std::string recipe = Recipe("  c: {files: [a/*.jsonl]}\n", "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1, from: ./old}]\n");
  const auto whole = LoadRecipe(recipe, {});
  ASSERT_FALSE(whole.ok());
  EXPECT_THAT(whole.status().message(), HasSubstr("is neither an artifact id nor a checkpoint folder (it has no config.json)"));
  EXPECT_TRUE(LoadRecipe(recipe, {"m"}).ok());
}

TEST_F(RecipeFileTest, ThePlanShowsJobsAndDefaults) {
  const auto file = LoadRecipe(Recipe("  c: {files: [a/*.jsonl]}\n"), {});
  ASSERT_TRUE(file.ok());
  const std::string plan = PlanText(*file);
  EXPECT_THAT(plan, HasSubstr("prepare:c"));
  EXPECT_THAT(plan, HasSubstr("train.batch = 32  (default)"));
  const Json json = PlanJson(*file);
  EXPECT_EQ(json["run"], "small");
  EXPECT_EQ(json["jobs"].size(), file->dag.jobs.size());
}

TEST_F(RecipeFileTest, ThePlanShowsExactCountsAndBothAccountings) {
  const std::string recipe = Recipe("  c: {files: [a/*.jsonl], sample: 0.5}\n",
                                    "arch: {ffn_gate: beta_swish}\nsequence: 16\n"
                                    "paths: [{name: p, corpus: c, d: 64, heads: 2, blocks: 3, block: wide, dual: {ffn_wide: 100}}]\n");
  const auto file = LoadRecipe(recipe, {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  // By hand: embedding and head 2 * 301 * 64; a block 4 * 64^2 + 3 * 64 * 100 + 100 (beta) + 2 * 64 + 1 (scale); norm 64.
  constexpr int64_t kBody = 3 * (4 * 64 * 64 + 3 * 64 * 100 + 100 + 2 * 64 + 1) + 64;
  constexpr double kA = 2.0 * (4 * 64 * 64 + 3 * 64 * 100), kScores = 2.0 * 16 * 64;
  const Json model = PlanJson(*file)["models"][0];
  EXPECT_EQ(model["name"], "p");
  EXPECT_EQ(model["parameters"], 2 * 301 * 64 + kBody);
  EXPECT_EQ(model["bodyParameters"], kBody);
  EXPECT_EQ(model["flopsPerBlock"], (Json{{"projections", kA}, {"causal", kA + kScores}}));
  EXPECT_EQ(model["flopsPerToken"]["projections"], 3 * kA + 2 * 301 * 64);
  EXPECT_EQ(file->dag.Find("prepare:c")->estimate.tokens, 4000 / 4 / 2);  // sampled
  const std::string plan = PlanText(*file);
  EXPECT_THAT(plan, HasSubstr("146,031         107,503"));
  EXPECT_THAT(plan, HasSubstr("0.071      0.073"));
  EXPECT_THAT(plan, HasSubstr("compat fixed, with arch.ffn_gate = beta_swish"));
  EXPECT_EQ(PlanJson(*file)["compat"], (Json{{"mode", "fixed"}, {"overrides", {"arch.ffn_gate = beta_swish"}}}));
  const auto alone = LoadRecipe(recipe, {"m"});
  ASSERT_TRUE(alone.ok());
  EXPECT_THAT(PlanText(*alone), testing::Not(HasSubstr("146,031")));
}

TEST_F(RecipeFileTest, FoldersOfEvaluationsAreTakenWhole) {
  Write("blimp/one.jsonl", "{}");
  Write("glue/RTE/train.tsv", "x");
  Write("super/BoolQ/train.jsonl", "x");
  Write("super/RTE/train.jsonl", "x");
  const std::string evaluate = "evaluate: [{blimp: {dir: blimp}}, {glue: {dir: glue}}, {superglue: {dir: super}}]\n";
  const auto file = LoadRecipe(Recipe("  c: {files: [a/*.jsonl]}\n", evaluate), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto files = [&](const std::string& name) {
    const auto& sources = file->dag.sources;
    return *FilesOf(*file, *std::find_if(sources.begin(), sources.end(), [&](const auto& s) { return s.name == name; }));
  };
  EXPECT_THAT(files("glue"), ElementsAre(Pair("RTE/train.tsv", At("glue/RTE/train.tsv"))));
  EXPECT_THAT(files("superglue"), ElementsAre(Pair("BoolQ/train.jsonl", At("super/BoolQ/train.jsonl")), Pair("RTE/train.jsonl", At("super/RTE/train.jsonl"))));
  const auto none = LoadRecipe(Recipe("  c: {files: [a/*.jsonl]}\n", "evaluate: [{blimp: {dir: nowhere}}]\n"), {});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().message(), At("recipe.yaml") + ":6: blimp: there is no folder " + At("nowhere"));
}

}  // namespace
}  // namespace braid::cli
