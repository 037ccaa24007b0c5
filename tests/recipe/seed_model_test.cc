// `seed_model`: a model from which all paths begin.
#include <gmock/gmock.h>

#include "schema/read.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string kSeeded = std::string(kSmall) + "split: {seed_model: 0.1, paths: 0.5}\n";

TEST(SeedModelTest, IsTrainedOnItsPartOfEveryCorpusAndPathsBeginWithIt) {
  const Known known{0, {{"tales", 1'000'000}, {"sums", 1000}}};
  const Dag dag = MustExpand(kSeeded + "seed_model: {train: {optimizer: {lr: 2e-3}}, slots: 2}\n",
                             known);
  const JobNode* seed = dag.Find("seed_model");
  ASSERT_NE(seed, nullptr);
  EXPECT_EQ(seed->kind, "train");
  EXPECT_EQ(seed->slots, 2);
  EXPECT_EQ(seed->spec["train"]["optimizer"]["lr"], 2e-3);
  EXPECT_EQ(seed->spec["train"]["batch"], 4) << "the rest is that of train";
  EXPECT_EQ(seed->spec["model"]["dense"]["d"], 64);
  EXPECT_EQ(seed->spec["data"]["split"]["seed_model"], 0.1);
  for (const Json& source : seed->spec["data"]["sources"]) EXPECT_EQ(source["share"], "seed_model");
  EXPECT_EQ(seed->spec["data"]["sources"].size(), 2u);
  // A tenth of 990,000 tokens, two epochs.
  EXPECT_NEAR(static_cast<double>(seed->estimate.tokens), 198'198, 2);
  for (const char* path : {"path_1", "path_2"}) {
    const JobNode* job = dag.Find(path);
    EXPECT_EQ(job->inputs.at("init").job, "seed_model");
    EXPECT_THAT(job->parents, testing::Contains("seed_model"));
    EXPECT_EQ(job->spec["train"]["optimizer"]["lr"], 1e-3);
    EXPECT_FALSE(job->spec.contains("start_moments"));
  }
  EXPECT_FALSE(dag.Find("dense")->inputs.contains("init"));
  EXPECT_NEAR(static_cast<double>(dag.Find("joint:c")->estimate.tokens), 0.4 * 990'990 * 2, 2);
  EXPECT_EQ(
      MustExpand(kSeeded + "seed_model: {moments: reset}\n").Find("path_1")->spec["start_moments"],
      "leave");
  // Without one, nothing is as it was not before.
  EXPECT_EQ(MustExpand(kSmall).Find("seed_model"), nullptr);
  EXPECT_FALSE(MustExpand(kSmall).Find("path_1")->spec["data"]["split"].contains("seed_model"));
}

TEST(SeedModelTest, PathsWithWeightsOfTheirOwnKeepThem) {
  const Dag dag = MustExpand(Replaced(
      "corpus: tales", "corpus: tales, start: ./a",
      Replaced("d: 64, heads: 2, blocks: 3}\n  - ", "d: 32, heads: 2, blocks: 3}\n  - ", kSeeded)));
  EXPECT_EQ(dag.Find("path_1")->inputs.at("init").job, "");
  EXPECT_EQ(dag.Find("path_2")->inputs.at("init").job, "seed_model");
  EXPECT_EQ(dag.Find("seed_model")->spec["model"]["dense"]["d"], 64);
}

TEST(SeedModelTest, APathMayContinueAtTheRateOfTheSeedModel) {
  const std::string on = Replaced("batch: 4,", "batch: 4, lr_schedule: constant,", kSeeded);
  const std::string path = Replaced("corpus: tales",
                                    "corpus: tales, train: {lr_schedule: continue}", on);
  EXPECT_EQ(MustExpand(path).Find("path_1")->spec["train"]["lr_schedule"], "continue");
  EXPECT_THAT(ErrorOf(path + "seed_model: {train: {lr_schedule: cosine}}\n"),
              HasSubstr("paths.0.train: lr_schedule continue begins at the rate at which the seed "
                        "model ended, and that is 0 (lr_schedule cosine, lr_min 0); give "
                        "seed_model.train lr_schedule constant, or lr_min"));
  EXPECT_THAT(ErrorOf(kSeeded + "seed_model: {train: {lr_schedule: continue}}\n"),
              HasSubstr("seed_model.train.lr_schedule: continue is of trainings that begin with a "
                        "model; give another one"));
}

TEST(SeedModelTest, WhatCannotBeIsSaidWithItsPlace) {
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "seed_model: {slots: 2}\n"),
              HasSubstr("r.yaml:14:13: seed_model: has no text to be trained on; give "
                        "split.seed_model, its part, such as 0.1"));
  EXPECT_THAT(ErrorOf(Replaced("sums, d: 64", "sums, d: 32", kSeeded)),
              HasSubstr("paths.1.name: begins with the seed model, as path_1 does, and has another "
                        "shape; give both one shape"));
  EXPECT_THAT(
      ErrorOf(std::string(kSmall) + "split: {seed_model: 0.5, paths: 0.6}\n"),
      HasSubstr("split.seed_model: seed_model 0.5, and paths 0.6 are more than 1 together"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "split: {seed_model: 0.1, paths: 0.5, joint: 0.5}\n"),
              HasSubstr("split.joint: seed_model 0.1, paths 0.5 and joint 0.5 do not add up to 1"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "split: {seed_model: 0.4, paths: 0.6}\n"),
              HasSubstr("split: seed_model and paths take every chunk, and leave the joint "
                        "training of composites.c nothing"));
  EXPECT_THAT(
      ErrorOf(Replaced("sums, d: 64", "sums, train: {optimizer: {kind: muon}}, d: 64", kSeeded)),
      HasSubstr("paths.1.train: optimizer.kind muon cannot go on with the seed model's "
                "state of adamw; give both one kind, or seed_model.moments: reset"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: tales", "corpus: tales, continue: ./a", kSeeded)),
              HasSubstr("paths.0.continue: with split.seed_model nobody could say how many tokens "
                        "are behind the checkpoint"));
  EXPECT_THAT(ErrorOf(Replaced("name: dense", "name: seed_model", kSeeded)),
              HasSubstr("baselines.0.name: \"seed_model\" is the name of another model already"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: tales", "corpus: tales, from: ./a",
                               Replaced("corpus: sums", "corpus: sums, from: ./b", kSeeded))),
              HasSubstr("split.seed_model: no path begins with the seed model: each has from or "
                        "start"));
}

TEST(SeedModelTest, IsMeasuredReportedAndExported) {
  const Dag dag = MustExpand(kSeeded + "evaluate: [{loss: all}]\nexport: true\n");
  ASSERT_NE(dag.Find("evaluate:seed_model"), nullptr);
  EXPECT_EQ(dag.Find("evaluate:seed_model")->inputs.at("model").job, "seed_model");
  EXPECT_EQ(dag.Find("export:seed_model")->inputs.at("model").job, "seed_model");
  const JobNode* report = dag.Find("report");
  EXPECT_EQ(report->inputs.at("history.seed_model").job, "seed_model");
  const Json& first = report->spec["models"][0];
  EXPECT_EQ(first["name"], "seed_model");
  EXPECT_EQ(first["role"], "seed_model");
}

TEST(SeedModelTest, AVariantMayBeWithoutIt) {
  const Dag dag = MustExpand(kSeeded +
                             "seed_model: {train: {lr_schedule: constant}}\n"
                             "sweep: {over: {split.seed_model: [0, 0.1]}}\n");
  EXPECT_EQ(dag.Find("seed_model-seed_model_0"), nullptr);
  ASSERT_NE(dag.Find("seed_model-seed_model_0.1"), nullptr);
  EXPECT_EQ(dag.Find("seed_model-seed_model_0.1")->spec["train"]["lr_schedule"], "constant");
  EXPECT_FALSE(dag.Find("path_1-seed_model_0")->inputs.contains("init"));
}

TEST(SeedModelTest, OfASweepWhatIsEqualIsTrainedOnce) {
  // The part of the paths changes neither the seed model nor the baseline; the seed model's own
  // part changes all but the baseline.
  const Dag paths = MustExpand(kSeeded + "sweep: {over: {split.paths: [0.4, 0.5]}}\n");
  const auto names = [](const Dag& dag) {
    std::vector<std::string> trained;
    for (const JobNode& job : dag.jobs) {
      if (job.kind == "train") trained.push_back(job.name);
    }
    return trained;
  };
  EXPECT_THAT(names(paths),
              UnorderedElementsAre("seed_model", "path_1-paths_0.4", "path_2-paths_0.4", "dense",
                                   "path_1-paths_0.5", "path_2-paths_0.5"));
  const Dag seeds = MustExpand(kSeeded + "sweep: {over: {split.seed_model: [0, 0.1, 0.2]}}\n");
  EXPECT_THAT(names(seeds),
              UnorderedElementsAre("path_1-seed_model_0", "path_2-seed_model_0", "dense",
                                   "seed_model-seed_model_0.1", "path_1-seed_model_0.1",
                                   "path_2-seed_model_0.1", "seed_model-seed_model_0.2",
                                   "path_1-seed_model_0.2", "path_2-seed_model_0.2"));
}

}  // namespace
}  // namespace braid::recipe
