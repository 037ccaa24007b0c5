// Recipes on disk: which files they name, what is said when one is missing, the plan.
#include "cli/recipe_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace braid::cli
