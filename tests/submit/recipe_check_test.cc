// What needs no files: the words of braid check and of the coordinator are the same.
#include "submit/recipe_check.h"

#include <gmock/gmock.h>

#include "recipe/parse/parse_recipe.h"
#include "tests/recipe/small_recipe.h"

namespace braid::submit {
namespace {

using recipe::kSmall;
using recipe::Replaced;
using testing::HasSubstr;
using testing::SizeIs;

TEST(RecipeCheckTest, AllErrorsOfARecipeAreFindings) {
  const std::string text = Replaced("run: small", "run: small\nodd: 1",
                                    Replaced("heads: 4", "heads: 3"));
  const RecipeCheck check = CheckRecipe(text, "r.yaml", {}).value();
  EXPECT_FALSE(check.recipe.has_value());
  ASSERT_THAT(check.findings, SizeIs(2));
  EXPECT_EQ(check.findings[0].line, 2);
  EXPECT_THAT(check.findings[0].message, HasSubstr("odd: no such key"));
  EXPECT_EQ(check.findings[1].line, 13);
  EXPECT_EQ(check.findings[1].field, "baselines.0.heads");
  EXPECT_EQ(check.status().message(), recipe::ParseRecipe(text, "r.yaml").status().message());
  EXPECT_EQ(check.status().reason(), "INVALID_RECIPE");
}

TEST(RecipeCheckTest, AJobThatIsNoneIsNotFound) {
  EXPECT_EQ(CheckRecipe(kSmall, "r.yaml", {"path_3"}).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(CheckRecipe(kSmall, "r.yaml", {"path_1"}).value().dag.jobs, SizeIs(3));
}

TEST(RecipeCheckTest, SizesMakeCostsAndWarnings) {
  const auto cost = [](const recipe::Known& known) {
    return CheckRecipe(kSmall, "r.yaml", {}, known).value().dag.Find("path_1")->estimate.flops;
  };
  EXPECT_EQ(cost({}), 0);
  EXPECT_GT(cost({0, {{"tales", 1'000'000}}}), 0);
  const RecipeCheck check = CheckRecipe(kSmall, "r.yaml", {}, {0, {{"tales", 1000}}}).value();
  EXPECT_TRUE(check.status().ok());
  ASSERT_FALSE(check.findings.empty());
  EXPECT_EQ(check.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(check.findings[0].subject, "path_1");
  EXPECT_THAT(TextOf(check.findings[0]), HasSubstr("path_1: an epoch of about"));
}

// Anybody may say anything over the wire.
TEST(RecipeCheckTest, SizesThatNothingHasAreRefused) {
  const auto refusal = [](const recipe::Known& known) {
    return CheckRecipe(kSmall, "r.yaml", {}, known).status().message();
  };
  EXPECT_EQ(refusal({0, {{"tale", 1000}}}), "sizes.corpus_tokens: the recipe has no corpus tale");
  EXPECT_EQ(refusal({0, {{"tales", -1}}}),
            "sizes.corpus_tokens: corpus tales cannot have -1 tokens");
  EXPECT_THAT(refusal({0, {{"tales", int64_t{1} << 60}}}), HasSubstr("cannot have"));
  EXPECT_EQ(refusal({-5, {}}), "sizes.vocab: no tokenizer has -5 entries");
  EXPECT_THAT(refusal({int64_t{1} << 40, {}}), HasSubstr("sizes.vocab"));
}

// Of the jobs that are selected, with field and line; others are no concern of the run.
TEST(RecipeCheckTest, WhatCouldRunNowhereIsAnErrorOfARunThatHasIt) {
  const std::string text =
      "run: small\n"
      "tokenizer: {file: t.json, vocab: 400}\n"
      "corpora:\n"
      "  here: {files: [/h.txt], site: a, bind: all}\n"
      "  there: {files: [/t.txt], site: b, bind: all}\n"
      "paths:\n"
      "  - {name: one, corpus: here, d: 64, heads: 2, blocks: 3}\n"
      "  - {name: two, corpus: there, d: 64, heads: 2, blocks: 3}\n"
      "composites: [{name: c}]\n";
  const RecipeCheck check = CheckRecipe(text, "r.yaml", {}).value();
  ASSERT_TRUE(HasErrors(check.findings));
  EXPECT_EQ(check.findings[0].field, "corpora.here.bind");
  EXPECT_EQ(check.findings[0].line, 4);
  EXPECT_THAT(check.status().message(), testing::HasSubstr("r.yaml:4: corpora.here.bind: job "));
  EXPECT_TRUE(CheckRecipe(text, "r.yaml", {"one"})->status().ok());
}

}  // namespace
}  // namespace braid::submit
