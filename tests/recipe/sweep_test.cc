// `seeds` and `sweep`: which variants there are, what each of them is, what they share.
#include "recipe/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/text.h"
#include "recipe/show/settings.h"
#include "schema/read.h"
#include "spec/report.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> VariantNames(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const Variant& variant : recipe.variants) names.push_back(variant.name);
  return names;
}

std::set<std::string> JobNames(const Dag& dag) {
  std::set<std::string> names;
  for (const JobNode& job : dag.jobs) names.insert(job.name);
  return names;
}

int CountJobs(const Dag& dag, const std::string& kind) {
  int count = 0;
  for (const JobNode& job : dag.jobs) count += job.kind == kind;
  return count;
}

TEST(SweepTest, AGridIsEveryCombinationAndSeedsAreNeighbours) {
  const Recipe recipe = MustParse(
      Swept("seeds: [7, 9]\n"
            "sweep: {over: {train.optimizer.lr: [1e-3, 3e-3], split.paths: [0.6, 0.75]}}\n"));
  EXPECT_THAT(VariantNames(recipe),
              ElementsAre("lr_1e-3-paths_0.6-seed_7", "lr_1e-3-paths_0.6-seed_9",
                          "lr_1e-3-paths_0.75-seed_7", "lr_1e-3-paths_0.75-seed_9",
                          "lr_3e-3-paths_0.6-seed_7", "lr_3e-3-paths_0.6-seed_9",
                          "lr_3e-3-paths_0.75-seed_7", "lr_3e-3-paths_0.75-seed_9"));
  const Recipe& last = recipe.variants.back().recipe;
  EXPECT_EQ(last.train.optimizer.lr, 3e-3);
  // What inherits from a swept field follows it.
  EXPECT_EQ(last.baselines[0].train.optimizer.lr, 3e-3);
  EXPECT_EQ(last.split.paths, 0.75);
  EXPECT_EQ(last.TrainingSeed(), 9u);
  EXPECT_EQ(last.seed, 42u);
}

TEST(SweepTest, ACountOfSeedsBeginsWithTheRecipesOwn) {
  const Recipe recipe = MustParse(Swept("seed: 5\nseeds: 3\n"));
  EXPECT_THAT(VariantNames(recipe), ElementsAre("seed_5", "seed_6", "seed_7"));
}

// Seeds draw weights and order; tokenizer, shards and what is set aside are one for all.
TEST(SweepTest, SeedsShareTheText) {
  const Dag dag = MustExpand(Swept("seeds: [1, 2]\n"));
  EXPECT_EQ(CountJobs(dag, "tokenizer"), 1);
  EXPECT_EQ(CountJobs(dag, "prepare"), 2);
  EXPECT_EQ(CountJobs(dag, "train"), 2 * 3);
  EXPECT_EQ(CountJobs(dag, "joint"), 2);
  EXPECT_EQ(CountJobs(dag, "report"), 1);
  const Json &one = dag.Find("dense-seed_1")->spec, &two = dag.Find("dense-seed_2")->spec;
  EXPECT_EQ(one["data"]["seed"], 1);
  EXPECT_EQ(two["data"]["seed"], 2);
  EXPECT_EQ(two["seed"].get<uint64_t>() - one["seed"].get<uint64_t>(), 1u);
  EXPECT_EQ(dag.Find("tokenizer")->spec["train"]["seed"], 42);
  EXPECT_EQ(dag.Find("prepare:tales")->spec["seed"], 42);
  EXPECT_THAT(
      dag.Find("joint:c-seed_2")->parents,
      ElementsAre("gate:c-seed_2", "merge:c-seed_2", "prepare:sums", "prepare:tales", "tokenizer"));
  EXPECT_THAT(JobNames(dag), Contains("evaluate:c-seed_2@start"));
}

// The coordinator takes jobs in an order in which it knows what each waits for.
TEST(SweepTest, ParentsComeFirst) {
  const Dag dag = MustExpand(
      Swept("seeds: 2\nsweep: {over: {baselines.dense.train.optimizer.lr: [1e-3, 3e-3]}}\n"));
  std::set<std::string> before;
  for (const JobNode& job : dag.jobs) {
    for (const std::string& parent : job.parents)
      EXPECT_TRUE(before.contains(parent)) << parent << " of " << job.name;
    before.insert(job.name);
  }
  EXPECT_THAT(dag.Find("report")->parents, Contains("dense-lr_3e-3-seed_43"));
}

// A task of a variant is that of a recipe which says the same, so that its artifacts are, too.
TEST(SweepTest, TheTasksOfAVariantAreThoseOfItsOwnRecipe) {
  const Dag swept = MustExpand(
      Swept("seeds: [42, 43]\n"
            "sweep: {over: {train.optimizer.lr: [1e-3, 3e-3]}}\n"));
  const Dag alone = MustExpand(Replaced("lr: 1e-3", "lr: 3e-3"));
  for (const JobNode& job : alone.jobs) {
    if (job.kind == "report") continue;
    const PlannedVariant& variant = swept.variants[2];
    ASSERT_EQ(variant.name, "lr_3e-3-seed_42");
    const JobNode* same = swept.Find(variant.jobs.at(job.name));
    ASSERT_NE(same, nullptr) << job.name;
    EXPECT_EQ(same->spec, job.spec) << job.name;
    EXPECT_EQ(static_cast<const task::Requirements&>(*same), job) << job.name;
    EXPECT_EQ(same->inputs.size(), job.inputs.size());
    for (const auto& [role, input] : job.inputs) {
      const InputRef& other = same->inputs.at(role);
      EXPECT_EQ(other.role, input.role);
      EXPECT_EQ(other.source, input.source);
      EXPECT_EQ(other.job, input.job.empty() ? "" : variant.jobs.at(input.job));
    }
  }
}

// The paths do not depend on how the composite is trained on, nor the baseline on the paths.
TEST(SweepTest, WhatDoesNotDependOnAFieldIsOneJob) {
  const Dag dag = MustExpand(
      Swept("sweep:\n  over:\n    joint.optimizer.lr: [1e-4, 2e-4, 3e-4]\n"
            "    baselines.dense.train.optimizer.lr: [1e-3, 2e-3]\n"));
  EXPECT_EQ(dag.variants.size(), 6u);
  EXPECT_EQ(CountJobs(dag, "tokenizer"), 1);
  EXPECT_EQ(CountJobs(dag, "train"), 2 + 2);  // paths, and two rates of the baseline
  EXPECT_EQ(CountJobs(dag, "merge"), 1);
  EXPECT_EQ(CountJobs(dag, "gate"), 1);
  EXPECT_EQ(CountJobs(dag, "joint"), 3);
  // Paths, baselines, and the composite at its start and end.
  EXPECT_EQ(CountJobs(dag, "evaluate"), 2 + 2 + 1 + 3);
  EXPECT_THAT(JobNames(dag), Contains("path_1"));
  EXPECT_THAT(JobNames(dag), Contains("joint:c-joint_lr_2e-4"));
  EXPECT_THAT(JobNames(dag), Contains("dense-dense_lr_2e-3"));
}

TEST(SweepTest, FieldsOfOneSettingVaryTogether) {
  const Recipe recipe = MustParse(
      Swept("sweep:\n  over:\n    budget:\n"
            "      small: {corpora.tales.tokens: 1000, corpora.sums.tokens: 2000}\n"
            "      large: {corpora.tales.tokens: 3000, corpora.sums.tokens: 6000}\n"));
  EXPECT_THAT(VariantNames(recipe), ElementsAre("budget_small", "budget_large"));
  EXPECT_EQ(recipe.variants[1].recipe.corpora[0].tokens, 3000);
  EXPECT_EQ(recipe.variants[1].recipe.corpora[1].tokens, 6000);
}

// A list, a whole section and a model by its number are values and fields, too.
TEST(SweepTest, ListsSectionsAndNumbersOfModelsCanVary) {
  const Recipe recipe = MustParse(
      Swept("sweep:\n  over:\n    train.optimizer.betas: [[0.9, 0.95], [0.9, 0.999]]\n"
            "    paths.1.train: [{epochs: 1}, {epochs: 2, batch: 8}]\n"));
  ASSERT_EQ(recipe.variants.size(), 4u);
  EXPECT_EQ(recipe.variants[3].recipe.train.optimizer.betas[1], 0.999);
  EXPECT_EQ(recipe.variants[3].recipe.paths[1].train.batch, 8);
  EXPECT_EQ(recipe.variants[3].recipe.paths[0].train.batch, 4);
  EXPECT_EQ(recipe.variants[2].recipe.paths[1].train.epochs, 1);
}

// An alias of YAML is one node at two places: only the one that is named varies.
TEST(SweepTest, AnAliasElsewhereStays) {
  const Recipe recipe = MustParse(
      Replaced("corpus: tales, d: 64, heads: 2, blocks: 3}",
               "corpus: tales, d: 64, heads: 2, blocks: 3, train: &own {epochs: 2}}",
               Replaced("corpus: sums, d: 64, heads: 2, blocks: 3}",
                        "corpus: sums, d: 64, heads: 2, blocks: 3, train: *own}",
                        Swept("sweep: {over: {paths.path_1.train.epochs: [3, 4]}}\n"))));
  EXPECT_EQ(recipe.variants[1].recipe.paths[0].train.epochs, 4);
  EXPECT_EQ(recipe.variants[1].recipe.paths[1].train.epochs, 2);
}

TEST(SweepTest, ARandomSweepDrawsTheSameEachTimeWithinItsRange) {
  const std::string text = Swept(
      "sweep:\n  method: random\n  count: 50\n  seed: 3\n  over:\n"
      "    train.optimizer.lr: {min: 1e-4, max: 1e-2, scale: log}\n"
      "    train.batch: {min: 2, max: 5}\n    sequence: [16, 32]\n");
  const Recipe recipe = MustParse(text);
  ASSERT_EQ(recipe.variants.size(), 50u);
  EXPECT_EQ(VariantNames(recipe), VariantNames(MustParse(text)));
  EXPECT_NE(VariantNames(recipe), VariantNames(MustParse(Replaced("seed: 3", "seed: 4", text))));
  std::set<int64_t> batches;
  int below = 0;
  for (const Variant& variant : recipe.variants) {
    const double rate = variant.recipe.train.optimizer.lr;
    EXPECT_GE(rate, 1e-4);
    EXPECT_LE(rate, 1e-2);
    below += rate < 1e-3;
    batches.insert(variant.recipe.train.batch);
  }
  EXPECT_THAT(batches, ElementsAre(2, 3, 4, 5));
  // Half of the decades; that of 50 draws fewer than 10 or more than 40 fall there has a chance of
  // less than 1 in 100,000.
  EXPECT_GT(below, 10);
  EXPECT_LT(below, 40);
}

TEST(SweepTest, ARandomSweepOfListsTakesNoCombinationTwice) {
  const Recipe recipe = MustParse(
      Swept("seeds: 2\nsweep: {method: random, count: 6, over: {sequence: [16, 32, 64], "
            "train.batch: [1, 2]}}\n"));
  EXPECT_EQ(recipe.variants.size(), 12u);
  const std::vector<std::string> names = VariantNames(recipe);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 12u);
}

// A dense model reads all of each corpus, however that is divided between paths and joint phase.
TEST(SweepTest, ABaselineDoesNotDependOnTheSplit) {
  const Dag dag = MustExpand(Swept("sweep: {over: {split.paths: [0.6, 0.75]}}\n"));
  EXPECT_EQ(CountJobs(dag, "train"), 2 * 2 + 1);
  EXPECT_THAT(JobNames(dag), AllOf(Contains("dense"), Contains("path_1-paths_0.75")));
}

TEST(SweepTest, LabelsAreTheShortestThatTellFieldsApart) {
  EXPECT_THAT(LabelsOf({"train.optimizer.lr", "split.joint", "budget"}),
              ElementsAre("lr", "joint", "budget"));
  EXPECT_THAT(LabelsOf({"train.optimizer.lr", "joint.optimizer.lr", "baselines.dense.d"}),
              ElementsAre("train_lr", "joint_lr", "d"));
  EXPECT_THAT(LabelsOf({"baselines.dense.d", "baselines.deep.d"}),
              ElementsAre("dense_d", "deep_d"));
  EXPECT_THAT(LabelsOf({"paths.a.train.lr_min", "paths.a.arch.lr_min"}),
              ElementsAre("paths_a_train_lr_min", "paths_a_arch_lr_min"));
}

TEST(SweepTest, NamesAreValidWhateverTheValues) {
  EXPECT_EQ(SuffixOf({{"train.optimizer.betas", "betas", "[0.9, 0.95]", 0},
                      {"compat", "compat", "paper", 0}}),
            "betas_0.9_0.95-compat_paper");
  const std::string longest(60, 'x');
  const Dag dag = MustExpand(
      Replaced("name: dense", "name: " + longest,
               Swept("sweep: {over: {train.optimizer.lr: [1e-3, 3e-3]}}\n")));
  EXPECT_THAT(JobNames(dag), AllOf(Contains(longest + "-v1"), Contains(longest + "-v2")));
}

// The name that a variant would have may be taken already.
TEST(SweepTest, NamesAreUnique) {
  const Dag dag = MustExpand(
      Replaced("  - {name: dense,",
               "  - {name: dense-lr_1e-3, d: 64, heads: 2, blocks: 1}\n  - "
               "{name: dense,",
               Swept("sweep: {over: {baselines.dense.train.optimizer.lr: [1e-3, 3e-3]}}\n")));
  EXPECT_THAT(JobNames(dag), AllOf(Contains("dense-lr_1e-3"), Contains("dense-lr_1e-3-2")));
  EXPECT_EQ(JobNames(dag).size(), dag.jobs.size());
}

TEST(SweepTest, TheReportHasEveryVariantsModels) {
  const Dag dag = MustExpand(
      Swept("seeds: [1, 2]\n"
            "sweep: {over: {joint.optimizer.lr: [1e-4, 2e-4]}}\n"));
  const JobNode& report = *dag.Find("report");
  const auto task = schema::FromJson<spec::ReportTask>(report.spec, "spec");
  ASSERT_TRUE(task.ok()) << task.status().message();
  ASSERT_TRUE(task->sweep.has_value());
  EXPECT_THAT(task->sweep->axes, ElementsAre("joint.optimizer.lr", "seeds"));
  ASSERT_EQ(task->sweep->variants.size(), 4u);
  const spec::ReportedVariant& last = task->sweep->variants.back();
  EXPECT_EQ(last.values,
            (std::map<std::string, std::string>{{"joint.optimizer.lr", "2e-4"}, {"seeds", "2"}}));
  EXPECT_EQ(last.jobs.at("joint:c"), "joint:c-lr_2e-4-seed_2");
  EXPECT_EQ(last.jobs.at("path_1"), "path_1-seed_2");
  EXPECT_FALSE(last.jobs.contains("tokenizer"));
  EXPECT_EQ(task->recipe, Swept("seeds: [1, 2]\n"
                                "sweep: {over: {joint.optimizer.lr: [1e-4, 2e-4]}}\n"));
  EXPECT_EQ(report.inputs.at("history.joint:c-lr_2e-4-seed_2").job, "joint:c-lr_2e-4-seed_2");
  EXPECT_EQ(report.inputs.at("evaluation.c-lr_2e-4-seed_2").job, "evaluate:c-lr_2e-4-seed_2");
  EXPECT_EQ(report.inputs.at("evaluation.c-seed_2@start").job, "evaluate:c-seed_2@start");
  EXPECT_EQ(report.inputs.at("merge.c-seed_2").job, "merge:c-seed_2");
  EXPECT_EQ(report.inputs.at("gate.c-seed_1").job, "gate:c-seed_1");
}

TEST(SweepTest, OnlyAPartHasTheVariantsThatAreInIt) {
  const auto part = Only(MustExpand(Swept("seeds: [1, 2]\n")), {"dense-seed_2"});
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(CountJobs(*part, "train"), 1);
  EXPECT_EQ(part->variants.size(), 2u);  // the first has the shards in it
  EXPECT_EQ(part->variants[0].jobs.count("dense"), 0u);
}

TEST(SweepTest, AModelsCardSaysWhichVariantItIsOf) {
  const Dag dag = MustExpand(Swept("export: true\nseeds: [1, 2]\n"));
  const Json& card = dag.Find("export:dense-seed_2")->spec["card"];
  EXPECT_THAT(card["summary"].get<std::string>(), HasSubstr("Of the sweep it has seeds = 2."));
  EXPECT_THAT(card["recipe"].get<std::string>(), HasSubstr("seeds: [1, 2]"));
}

TEST(SweepTest, SettingsInForceHaveAllValues) {
  EXPECT_THAT(
      SettingsInForce(MustParse(Swept("sweep: {over: {train.batch: [4, 8]}}\n"))),
      AllOf(Contains("train.batch = 4, 8  (varies)"), Contains("joint.batch = 4, 8  (varies)")));
}

// One seed and one value is the recipe itself, under its own names.
TEST(SweepTest, OneVariantHasTheNamesOfTheRecipe) {
  const Dag dag = MustExpand(Swept("seeds: 1\n"));
  EXPECT_EQ(JobNames(dag), JobNames(MustExpand(kSmall)));
}

}  // namespace
}  // namespace braid::recipe
