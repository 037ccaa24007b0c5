// The rungs of a sweep by successive halving, in the report.
#include "report/results/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "report/parts/part.h"
#include "report/results/gather.h"
#include "report/results/sweep.h"
#include "schema/schema.h"
#include "task/artifact.h"

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json JobFact(const std::string& name, const std::string& state, double loss, int64_t seconds,
             const std::string& kind = "train") {
  Json job = {{"name", name},
              {"kind", kind},
              {"state", state},
              {"slots", 2},
              {"started_ms", 1'000},
              {"ended_ms", 1'000 + 1'000 * seconds},
              {"summary", {{"tokens", 100}, {"final", {{"validation/tales", loss}}}}}};
  if (state == "SUCCEEDED") job["outputs"] = {{"model", "model of " + name}};
  if (state == "SKIPPED") {
    job.erase("summary");
    job["started_ms"] = job["ended_ms"] = 0;
  }
  return job;
}

// Three settings of one model: `low` comes to its end, `high` is stopped, `wild` diverges.
spec::ReportTask HalvingTask() {
  spec::ReportTask task;
  task.title = "halved";
  spec::ReportedModel model;
  model.name = model.evaluation = model.history = "dense";
  model.role = spec::ModelRole::kDense;
  task.models = {model};
  task.sweep.emplace();
  task.sweep->axes = {"lr"};
  spec::ReportedHalving halving{"dense", false, {{0.25, 3}, {1, 1}}, {}};
  for (const char* setting : {"wild", "high", "low"}) {
    const std::string training = std::string("dense-lr_") + setting;
    spec::ReportedVariant variant;
    variant.name = std::string("lr_") + setting;
    variant.values = {{"lr", setting}};
    variant.jobs = {{"dense", training}, {"evaluate:dense", "evaluate:" + training}};
    task.sweep->variants.push_back(variant);
    halving.trials.push_back({variant.name, {training}});
  }
  task.halvings = {halving};
  Json last = JobFact("dense-lr_low", "SUCCEEDED", 1.5, 30);
  last["parents"] = {"dense-lr_low@rung_1", "tokenizer"};
  last["inputs"] = {{task::role::kRung, "model of dense-lr_low@rung_1"}};
  task.facts = {
      {"run", {{"id", "r-1"}, {"name", "halved"}, {"created_ms", 1}}},
      {"jobs",
       {JobFact("dense-lr_wild@rung_1", "FAILED", 9, 5), JobFact("dense-lr_wild", "SKIPPED", 0, 0),
        JobFact("evaluate:dense-lr_wild", "SKIPPED", 0, 0, "evaluate"),
        JobFact("dense-lr_high@rung_1", "SUCCEEDED", 2.5, 10),
        JobFact("dense-lr_high", "SKIPPED", 0, 0),
        JobFact("evaluate:dense-lr_high", "SKIPPED", 0, 0, "evaluate"),
        JobFact("dense-lr_low@rung_1", "SUCCEEDED", 2.0, 10), last}}};
  return task;
}

Results Gathered(const spec::ReportTask& reported) {
  task::Task task;
  task.spec = schema::ToJson(reported);
  auto results = Gather(task, EvaluationFields());
  EXPECT_TRUE(results.ok()) << results.status().ToString();
  return results.ok() ? *std::move(results) : Results();
}

TEST(ReportedHalvingTest, EachRungHasItsTrialsTheBestFirst) {
  const Results results = Gathered(HalvingTask());
  ASSERT_EQ(results.halvings.size(), 1u);
  const Halving& halving = results.halvings[0];
  ASSERT_EQ(halving.rungs.size(), 2u);
  std::vector<std::string> first;
  for (const TrialAtRung& trial : halving.rungs[0].trials) first.push_back(trial.name);
  EXPECT_THAT(first, ElementsAre("lr_low", "lr_high", "lr_wild"));
  EXPECT_EQ(halving.rungs[0].trials[0].end, TrialEnd::kWentOn);
  EXPECT_EQ(halving.rungs[0].trials[1].end, TrialEnd::kStopped);
  EXPECT_EQ(halving.rungs[0].trials[1].loss, 2.5);
  EXPECT_EQ(halving.rungs[0].trials[2].end, TrialEnd::kFailed);
  EXPECT_EQ(halving.rungs[0].trials[2].loss, std::nullopt);
  ASSERT_EQ(halving.rungs[1].trials.size(), 1u);
  EXPECT_EQ(halving.rungs[1].trials[0].loss, 1.5);
  // On two cores: 5, 10, and 10 + 30 seconds.
  EXPECT_EQ(halving.core_seconds, 2 * (5 + 10 + 40));
}

// A stopped training is no result; one that was done in parts took the time of all of them.
TEST(ReportedHalvingTest, WhatCameToItsEndIsAllThatIsCompared) {
  const Results results = Gathered(HalvingTask());
  ASSERT_EQ(results.sweep->candidates.size(), 1u);
  const Candidate& candidate = results.sweep->candidates[0];
  EXPECT_EQ(candidate.Title(), "dense, lr low");
  EXPECT_EQ(candidate.Seconds()->value, 40);
}

// Without a sweep, too: of the starts of a composite one goes on.
TEST(ReportedHalvingTest, StartsThatWereStoppedAreNoModelsOfTheReport) {
  spec::ReportTask task;
  for (const char* name : {"c-share", "c-slice"}) {
    spec::ReportedModel model;
    model.name = model.evaluation = model.composite = name;
    model.history = std::string("joint:") + name;
    model.role = spec::ModelRole::kComposite;
    task.models.push_back(model);
  }
  task.halvings = {{"c",
                    true,
                    {{0.01, 2}, {1, 1}},
                    {{"share", {"joint:c-share"}}, {"slice", {"joint:c-slice"}}}}};
  task.facts = {{"run", {{"id", "r-1"}}},
                {"jobs",
                 {JobFact("joint:c-share@rung_1", "SUCCEEDED", 2.5, 1, "joint"),
                  JobFact("joint:c-slice@rung_1", "SUCCEEDED", 2.0, 1, "joint"),
                  JobFact("joint:c-share", "SKIPPED", 0, 0, "joint"),
                  JobFact("joint:c-slice", "SUCCEEDED", 1.5, 9, "joint")}}};
  const Results results = Gathered(task);
  ASSERT_EQ(results.models.size(), 1u);
  EXPECT_EQ(results.models[0].name, "c-slice");
  EXPECT_EQ(results.halvings[0].rungs[0].trials[1].name, "share");
  EXPECT_EQ(results.halvings[0].rungs[0].trials[1].end, TrialEnd::kStopped);
}

TEST(ReportedHalvingTest, ThePageHasATableOfRungs) {
  const Results results = Gathered(HalvingTask());
  const std::vector<Finding> findings;
  Document document("halved");
  Json json = Json::object();
  for (const Part& part : PartsOf(results)) {
    if (part.name != std::string("halving")) continue;
    part.add_to_summary({results, findings}, &document);
    part.add_to_json({results, findings}, &json);
  }
  const std::string page = ToMarkdown(document);
  EXPECT_THAT(page, HasSubstr("Successive halving of dense"));
  EXPECT_THAT(page, HasSubstr("3 settings of dense were compared"));
  EXPECT_THAT(page, HasSubstr("took 1 min 50 s of device time"));
  EXPECT_THAT(page, testing::ContainsRegex("1 \\| +25 % \\| +2 \\| lr_high +\\| +2.5000 \\| "
                                           "stopped"));
  EXPECT_THAT(page, testing::ContainsRegex("3 \\| lr_wild +\\| +- \\| failed"));
  EXPECT_THAT(page, testing::ContainsRegex("100 % \\| +1 \\| lr_low +\\| +1.5000 \\| came to its "
                                           "end"));
  EXPECT_EQ(json["halvings"][0]["rungs"][0]["trials"][1],
            (Json{{"setting", "lr_high"}, {"loss", 2.5}, {"end", "stopped"}}));
  EXPECT_EQ(json["halvings"][0]["rungs"][0]["share"], 0.25);
}

}  // namespace
}  // namespace braid::report
