// `sweep: {method: halving}`: its rungs, and the jobs that end at them.
#include "recipe/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "schema/read.h"
#include "spec/report.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int64_t> TrialsOf(const std::vector<PlannedRung>& rungs) {
  std::vector<int64_t> trials;
  for (const PlannedRung& rung : rungs) trials.push_back(rung.trials);
  return trials;
}

TEST(PlanRungsTest, OneOfEtaGoesOnUntilOneIsLeft) {
  spec::RecipeSweep sweep;
  const auto nine = PlanRungs(sweep, 9).value();
  EXPECT_THAT(TrialsOf(nine), ElementsAre(9, 3, 1));
  EXPECT_DOUBLE_EQ(nine[0].share, 1.0 / 9);
  EXPECT_DOUBLE_EQ(nine[1].share, 1.0 / 3);
  EXPECT_EQ(nine[2].share, 1);
  EXPECT_THAT(TrialsOf(PlanRungs(sweep, 4).value()), ElementsAre(4, 1));
  EXPECT_THAT(TrialsOf(PlanRungs(sweep, 2).value()), ElementsAre(2, 1));
  sweep.eta = 2;
  EXPECT_THAT(TrialsOf(PlanRungs(sweep, 500).value()),
              ElementsAre(500, 250, 125, 62, 31, 15, 7, 3, 1));
}

TEST(PlanRungsTest, TheFirstShareAndTheNumberOfRungsCanBeGiven) {
  spec::RecipeSweep sweep;
  sweep.first = 0.04;
  const auto rungs = PlanRungs(sweep, 9).value();
  EXPECT_DOUBLE_EQ(rungs[0].share, 0.04);
  EXPECT_DOUBLE_EQ(rungs[1].share, 0.2) << "the shares are a constant factor apart";
  sweep.rungs = 2;
  EXPECT_THAT(TrialsOf(PlanRungs(sweep, 9).value()), ElementsAre(9, 3));
  sweep.rungs = 4;
  EXPECT_EQ(PlanRungs(sweep, 9).status().message(),
            "sweep.rungs: is 4, and of 9 settings one is left at rung 3 already (eta 3); lower it, "
            "or leave it out");
}

const char kRates[] =
    "seeds: [7, 9]\n"
    "sweep:\n  method: halving\n  models: [dense]\n  eta: 2\n  over:\n"
    "    baselines.dense.train.optimizer.lr: [1e-3, 2e-3, 3e-3, 4e-3]\n";

TEST(HalvingJobsTest, ATrainingIsAJobForEachRung) {
  const Dag dag = MustExpand(Swept(kRates));
  const JobNode &first = *dag.Find("dense-lr_3e-3-seed_9@rung_1"),
                &second = *dag.Find("dense-lr_3e-3-seed_9@rung_2"),
                &last = *dag.Find("dense-lr_3e-3-seed_9");
  EXPECT_EQ(first.rung, (task::Rung{"dense", 1, 2, 0}));
  EXPECT_EQ(second.rung, (task::Rung{"dense", 2, 2, 2}));
  EXPECT_EQ(last.rung, (task::Rung{"dense", 3, 2, 1}));
  EXPECT_EQ(first.spec["until"], 0.25);
  EXPECT_EQ(second.spec["until"], 0.5);
  EXPECT_FALSE(first.inputs.contains("rung"));
  EXPECT_EQ(second.inputs.at("rung").job, first.name);
  EXPECT_EQ(last.inputs.at("rung").job, second.name);
  EXPECT_THAT(second.parents, testing::Contains(first.name));
  EXPECT_EQ(first.kind, "train");
  // All but the part that a job does is as it would be without the sweep.
  const Dag grid = MustExpand(
      Replaced("method: halving\n  models: [dense]\n  eta: 2", "method: grid", Swept(kRates)));
  EXPECT_EQ(last.spec, grid.Find(last.name)->spec);
  Json whole = first.spec;
  whole.erase("until");
  EXPECT_EQ(whole, last.spec);
  EXPECT_TRUE(schema::FromJson<spec::TrainTask>(first.spec, "spec").ok());
  for (const JobNode& job : grid.jobs) {
    const JobNode* same = dag.Find(job.name);
    ASSERT_NE(same, nullptr) << job.name;
    if (job.kind == "train" || job.kind == "report") continue;
    EXPECT_EQ(same->parents, job.parents) << job.name;
    EXPECT_EQ(same->spec, job.spec) << job.name;
  }
}

// The coordinator takes jobs in an order in which it knows what each waits for.
TEST(HalvingJobsTest, ParentsComeFirst) {
  std::set<std::string> before;
  for (const JobNode& job : MustExpand(Swept(kRates)).jobs) {
    for (const std::string& parent : job.parents)
      EXPECT_TRUE(before.contains(parent)) << parent << " of " << job.name;
    before.insert(job.name);
  }
}

TEST(HalvingJobsTest, PartsCostWhatTheyDo) {
  Known known;
  known.tokens = {{"tales", 100'000}, {"sums", 1000}};
  const Dag dag = MustExpand(Swept(kRates), known);
  const auto tokens = [&](const char* job) { return dag.Find(job)->estimate.tokens; };
  const int64_t first = tokens("dense-lr_1e-3-seed_7@rung_1"),
                second = tokens("dense-lr_1e-3-seed_7@rung_2"),
                last = tokens("dense-lr_1e-3-seed_7");
  EXPECT_GT(first, 1000);
  EXPECT_NEAR(first, second, 1);
  EXPECT_NEAR(2 * first, last, 2);
}

TEST(HalvingJobsTest, TheReportIsToldOfRungsAndTrials) {
  const Dag dag = MustExpand(Swept(kRates));
  const auto task = schema::FromJson<spec::ReportTask>(dag.Find("report")->spec, "spec").value();
  ASSERT_EQ(task.halvings.size(), 1u);
  const spec::ReportedHalving& halving = task.halvings[0];
  EXPECT_EQ(halving.model, "dense");
  ASSERT_EQ(halving.rungs.size(), 3u);
  EXPECT_EQ(halving.rungs[1].trials, 2);
  ASSERT_EQ(halving.trials.size(), 4u);
  EXPECT_EQ(halving.trials[2].name, "lr_3e-3");
  EXPECT_THAT(halving.trials[2].jobs, ElementsAre("dense-lr_3e-3-seed_7", "dense-lr_3e-3-seed_9"));
}

// Settings that do not change a model's training are one trial of it.
TEST(HalvingJobsTest, EachModelIsComparedWithItsOwnTrainings) {
  const Dag dag = MustExpand(
      Swept("sweep:\n  method: halving\n  models: [dense, c]\n  over:\n"
            "    baselines.dense.train.optimizer.lr: [1e-3, 2e-3]\n"
            "    joint.optimizer.lr: [1e-4, 2e-4, 3e-4]\n"));
  EXPECT_EQ(dag.Find("dense-dense_lr_2e-3")->rung, (task::Rung{"dense", 2, 1, 1}));
  EXPECT_EQ(dag.Find("joint:c-joint_lr_3e-4@rung_1")->rung, (task::Rung{"c", 1, 2, 0}));
  EXPECT_EQ(dag.Find("joint:c-joint_lr_3e-4@rung_1")->kind, "joint");
  EXPECT_EQ(dag.Find("path_1")->rung, task::Rung());
}

TEST(HalvingJobsTest, CombinationsCanBeDrawn) {
  const Dag dag = MustExpand(
      Swept("sweep:\n  method: halving\n  models: [dense]\n  count: 4\n  over:\n"
            "    baselines.dense.train.optimizer.lr: {min: 1e-4, max: 1e-2, scale: log}\n"));
  EXPECT_EQ(dag.variants.size(), 4u);
  int first = 0;
  for (const JobNode& job : dag.jobs) first += job.rung.number == 1;
  EXPECT_EQ(first, 4);
}

TEST(HalvingJobsTest, AFallingRateIsPointedOut) {
  std::vector<std::string> texts;
  for (const Caution& caution : MustExpand(Swept(kRates)).cautions) texts.push_back(caution.text);
  EXPECT_THAT(texts, testing::Contains(AllOf(
                         HasSubstr("is compared before its rate has fallen (lr_schedule cosine)"),
                         HasSubstr("lr_schedule wsd or constant is fair"))));
  texts.clear();
  for (const Caution& caution :
       MustExpand(Replaced("lr: 1e-3}", "lr: 1e-3}, lr_schedule: wsd", Swept(kRates))).cautions)
    texts.push_back(caution.text);
  EXPECT_THAT(texts, testing::Not(testing::Contains(HasSubstr("rate has fallen"))));
}

// Also where only a later trial has one.
TEST(HalvingJobsTest, AFallingRateOfAnyTrialIsPointedOut) {
  std::vector<std::string> jobs;
  for (const Caution& caution :
       MustExpand(Swept("sweep:\n  method: halving\n  models: [dense]\n  over:\n"
                        "    baselines.dense.train.lr_schedule: [wsd, cosine]\n"))
           .cautions) {
    if (caution.text.find("rate has fallen") != std::string::npos) jobs.push_back(caution.job);
  }
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_THAT(jobs[0], HasSubstr("cosine"));
}

// One of several trials can be run without the others, and is then compared with none.
TEST(HalvingJobsTest, OnlyOneTrialHasItsOwnRungs) {
  const Dag part = Only(MustExpand(Swept(kRates)), {"dense-lr_1e-3-seed_7"}).value();
  EXPECT_NE(part.Find("dense-lr_1e-3-seed_7@rung_2"), nullptr);
  EXPECT_EQ(part.Find("dense-lr_2e-3-seed_7@rung_1"), nullptr);
}

std::string ExpandError(const std::string& text) {
  const auto dag = Expand(MustParse(text));
  return dag.ok() ? "no error" : dag.status().message();
}

TEST(HalvingErrorTest, WhatIsWrongIsNamed) {
  const auto swept = [](const std::string& settings) {
    return Swept("sweep: {method: halving, " + settings + ", over: {sequence: [16, 32]}}\n");
  };
  EXPECT_THAT(ErrorOf(swept("eta: 2")),
              HasSubstr("sweep.models: is missing: the models whose trainings are compared, such "
                        "as [dense]"));
  EXPECT_EQ(ErrorOf(swept("models: [dens]")),
            "r.yaml:14:34: sweep.models: the recipe trains no model dens; did you mean dense?");
  EXPECT_THAT(ErrorOf(swept("models: [unlike_any]")),
              HasSubstr("no model unlike_any; it trains path_1, path_2, dense, c"));
  EXPECT_THAT(ErrorOf(swept("models: [dense, dense]")), HasSubstr("sweep.models: dense appears "
                                                                  "twice"));
  EXPECT_THAT(
      ErrorOf(Replaced("blocks: 4}", "blocks: 4, continue: 3f2a9c01}", swept("models: [dense]"))),
      HasSubstr("sweep.models: dense goes on from a checkpoint (continue), behind which a "
                "rung may lie already; leave it out, or begin with its weights (start)"));
  EXPECT_THAT(ErrorOf(swept("models: [dense], eta: 1")), HasSubstr("sweep.eta: must be in 2 .. "
                                                                   "500, is 1"));
  EXPECT_THAT(ErrorOf(swept("models: [dense], first: 1")), HasSubstr("sweep.first: must be"));
  EXPECT_THAT(ErrorOf(swept("models: [dense], count: 3")),
              HasSubstr("there are 2 combinations, and 3 of them are asked for; halving without "
                        "count takes all"));
  EXPECT_THAT(
      ErrorOf(Swept("sweep: {method: grid, models: [dense], over: {sequence: [16, 32]}}\n")),
      HasSubstr("sweep.models"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {method: halving, models: [dense], over: "
                            "{train.optimizer.lr: {min: 1e-4, max: 1e-2}}}\n")),
              HasSubstr("values of a range are drawn; give sweep.count, or a list of values"));
}

TEST(HalvingErrorTest, AModelThatDoesNotVaryCannotBeCompared) {
  EXPECT_EQ(ExpandError(Swept("sweep: {method: halving, models: [path_1], over: "
                              "{joint.optimizer.lr: [1e-4, 2e-4]}}\n")),
            "sweep.models: the training of path_1 is the same under all settings, so that there is "
            "nothing to compare; vary a field that it depends on, or leave it out");
  EXPECT_THAT(ExpandError(Swept("sweep: {method: halving, models: [dense], rungs: 3, over: "
                                "{sequence: [16, 32]}}\n")),
              HasSubstr("sweep.rungs: is 3, and of 2 settings one is left at rung 2 already"));
}

}  // namespace
}  // namespace braid::recipe
