// Runs beside one another: which models each has, under which settings, and what was measured.
#include "coordinator/submission/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "submit/recipe_check.h"

namespace braid::coordinator {
namespace {

using catalog::JobState;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr char kComparedRecipe[] =
    "run: NAME\n"
    "tokenizer: {train: {vocab: 400}}\n"
    "corpora: {tales: {files: [tales.jsonl]}, sums: {files: [sums.jsonl]}}\n"
    "paths:\n"
    "  - {name: path_1, corpus: tales, d: 32, heads: 2, blocks: 1}\n"
    "  - {name: path_2, corpus: sums, d: 32, heads: 2, blocks: 1}\n"
    "composites: [{name: c, connect: slice}]\n"
    "baselines: [{name: dense, d: 64, heads: 2, blocks: 1}]\n"
    "train: {batch: 4, optimizer: {lr: RATE}}\n"
    "evaluate: [{loss: all}]\n";

std::string RecipeWith(std::string text, const std::string& name, const std::string& rate) {
  text.replace(text.find("NAME"), 4, name);
  return text.replace(text.find("RATE"), 4, rate);
}

// The run that a recipe makes, as the catalog has it when all has succeeded.
catalog::RunRows RowsOf(const std::string& id, const std::string& text) {
  const auto check = submit::CheckRecipe(text, "recipe.yaml", {});
  EXPECT_TRUE(check.ok() && check->status().ok()) << text;
  catalog::RunRows rows;
  rows.run.id = id;
  rows.run.name = check->dag.run;
  rows.run.recipe = text;
  for (const recipe::JobNode& node : check->dag.jobs) {
    catalog::JobRecord& job = rows.jobs.emplace_back();
    job.key = {id, node.name};
    job.kind = node.kind;
    job.position = static_cast<int64_t>(rows.jobs.size());
    job.state = JobState::kSucceeded;
  }
  // As ReadRun has them.
  std::sort(rows.jobs.begin(), rows.jobs.end(),
            [](const auto& a, const auto& b) { return a.key.job < b.key.job; });
  return rows;
}

catalog::JobRecord& JobIn(catalog::RunRows& rows, const std::string& name) {
  for (catalog::JobRecord& job : rows.jobs) {
    if (job.key.job == name) return job;
  }
  ADD_FAILURE() << "no job " << name;
  return rows.jobs.front();
}

std::vector<std::string> NamesOf(const ComparedRun& run) {
  std::vector<std::string> names;
  for (const ComparedModel& model : run.models) names.push_back(model.name);
  return names;
}

const ComparedModel& ModelIn(const ComparedRun& run, const std::string& name) {
  for (const ComparedModel& model : run.models) {
    if (model.name == name) return model;
  }
  ADD_FAILURE() << "no model " << name;
  return run.models.front();
}

// The value of a field for a model; "-": none, or several.
std::string ValueOf(const Comparison& comparison, const ComparedModel& model,
                    const std::string& field) {
  for (size_t i = 0; i < comparison.fields.size(); ++i) {
    if (comparison.fields[i].name != field) continue;
    const int32_t place = comparison.settings.at(static_cast<size_t>(model.settings)).at(i);
    return place < 0 ? "-" : comparison.fields[i].values.at(static_cast<size_t>(place));
  }
  return "no such field";
}

TEST(ComparisonTest, ModelsHaveTheirTrainingsAndWhatWasMeasured) {
  catalog::RunRows rows = RowsOf("r-1", RecipeWith(kComparedRecipe, "one", "1e-3"));
  JobIn(rows, "evaluate:c").summary =
      R"({"loss": {"all": {"loss": 4.5, "perplexity": 90, "bits_per_byte": 1.8, "tokens": 7},
                   "tales": {"loss": 5}}, "blimp": 61.5, "next_token": {"top1": 30}, "x": "y"})";
  JobIn(rows, "joint:c").summary = R"({"parameters": 1000, "tokens": 2000, "final": {}})";
  catalog::AttemptRecord attempt;
  attempt.key = {"r-1", "joint:c", 1};
  attempt.started_ms = 1'000;
  attempt.ended_ms = 3'500;
  rows.attempts.push_back(attempt);
  attempt.key.epoch = 2;
  attempt.started_ms = 9'000;
  attempt.ended_ms = 0;
  rows.attempts.push_back(attempt);
  const Comparison comparison = CompareRuns({rows}, 10'000);
  ASSERT_THAT(comparison.runs, SizeIs(1));
  const ComparedRun& run = comparison.runs[0];
  EXPECT_THAT(NamesOf(run), UnorderedElementsAre("path_1", "path_2", "dense", "c", "c@start"));
  const ComparedModel& c = ModelIn(run, "c");
  EXPECT_EQ(c.job, "joint:c");
  EXPECT_EQ(c.evaluation, "evaluate:c");
  EXPECT_EQ(c.parameters, 1000);
  EXPECT_EQ(c.tokens, 2000);
  EXPECT_EQ(c.seconds, 3.5) << "both attempts, the second up to now";
  EXPECT_THAT(c.measured,
              UnorderedElementsAre(Pair("loss/all", 4.5), Pair("bits_per_byte/all", 1.8),
                                   Pair("loss/tales", 5), Pair("blimp", 61.5),
                                   Pair("next_token/top1", 30)));
  EXPECT_EQ(ModelIn(run, "c@start").job, "") << "nothing trains it";
  EXPECT_EQ(ModelIn(run, "dense").job, "dense");
  EXPECT_EQ(run.trouble, "");
}

TEST(ComparisonTest, AllFieldsOfAllRunsAreThereOnce) {
  const Comparison comparison = CompareRuns(
      {RowsOf("r-1", RecipeWith(kComparedRecipe, "one", "1e-3")),
       RowsOf("r-2", RecipeWith(kComparedRecipe, "two", "0.001")),
       RowsOf("r-3", RecipeWith(kComparedRecipe, "two", "2e-3"))},
      0);
  std::map<std::string, std::vector<std::string>> fields;
  for (const ComparedField& field : comparison.fields) fields[field.name] = field.values;
  EXPECT_THAT(fields.at("train.optimizer.lr"), ElementsAre("0.001", "0.002"));
  EXPECT_THAT(fields.at("run"), ElementsAre("one", "two"));
  EXPECT_THAT(fields.at("train.batch"), ElementsAre("4"));
  EXPECT_THAT(comparison.settings, SizeIs(3));
  EXPECT_EQ(ValueOf(comparison, ModelIn(comparison.runs[1], "dense"), "train.optimizer.lr"),
            "0.001");
  EXPECT_EQ(ValueOf(comparison, ModelIn(comparison.runs[2], "dense"), "train.optimizer.lr"),
            "0.002");
}

TEST(ComparisonTest, VariantsOfARunAreTrainingsWithTheirOwnSettings) {
  const std::string text = RecipeWith(kComparedRecipe, "swept", "1e-3") +
                           "seeds: [1, 2]\nsweep: {over: {joint.lr_factor: [0.5, 1.0]}}\n";
  const Comparison comparison = CompareRuns({RowsOf("r-1", text)}, 0);
  const ComparedRun& run = comparison.runs.at(0);
  std::multiset<std::string> dense, composites;
  for (const ComparedModel& model : run.models) {
    const std::string at = ValueOf(comparison, model, "training_seed") + " " +
                           ValueOf(comparison, model, "joint.lr_factor");
    if (model.name == "dense") {
      dense.insert(at);
      EXPECT_THAT(model.job, HasSubstr("dense-seed_"));
      EXPECT_THAT(model.evaluation, HasSubstr("evaluate:dense-seed_"));
    }
    if (model.name == "c") composites.insert(at);
  }
  // The dense model does not depend on the joint phase: two variants share each of its trainings.
  EXPECT_THAT(dense, ElementsAre("1 -", "2 -"));
  EXPECT_THAT(composites, ElementsAre("1 0.5", "1 1.0", "2 0.5", "2 1.0"));
}

TEST(ComparisonTest, WithoutItsRecipeARunHasItsModels) {
  catalog::RunRows merged = RowsOf("r-1", RecipeWith(kComparedRecipe, "one", "1e-3"));
  merged.run.recipe = "";
  catalog::RunRows old = merged;
  old.run.id = "r-2";
  old.run.recipe = "run: one\nforgotten: 1\n";
  const Comparison comparison = CompareRuns({merged, old}, 0);
  EXPECT_THAT(comparison.runs[0].trouble, HasSubstr("a merge request made it"));
  EXPECT_THAT(comparison.runs[1].trouble,
              AllOf(HasSubstr("none for this version"), HasSubstr("forgotten")));
  EXPECT_THAT(NamesOf(comparison.runs[1]), SizeIs(5));
  EXPECT_EQ(ModelIn(comparison.runs[1], "dense").settings, -1);
  EXPECT_THAT(comparison.fields, IsEmpty());
}

// A program may report what it likes.
TEST(ComparisonTest, SummariesOfNonsenseAreNumbersOrNothing) {
  for (const char* summary :
       {"", "[", "[1]", "7", R"({"loss": 3})", R"({"loss": {"all": 3}})",
        R"({"loss": {"all": {"loss": "x"}}})", R"({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}})"}) {
    catalog::RunRows rows = RowsOf("r-1", RecipeWith(kComparedRecipe, "one", "1e-3"));
    JobIn(rows, "evaluate:dense").summary = summary;
    JobIn(rows, "dense").summary = summary;
    const Comparison comparison = CompareRuns({rows}, 0);
    EXPECT_THAT(ModelIn(comparison.runs[0], "dense").measured, IsEmpty()) << summary;
  }
  catalog::RunRows rows = RowsOf("r-1", RecipeWith(kComparedRecipe, "one", "1e-3"));
  std::string many = "{\"v0\": 1";
  for (int i = 1; i < 5000; ++i) many += Format(", \"v%d\": 1", i);
  JobIn(rows, "evaluate:dense").summary = many + "}";
  EXPECT_THAT(ModelIn(CompareRuns({rows}, 0).runs[0], "dense").measured, SizeIs(100));
}

}  // namespace
}  // namespace braid::coordinator
