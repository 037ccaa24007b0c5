// The report of a run with `seeds` and `sweep`: candidates, intervals, searches, frontiers, and the
// page.
#include "report/results/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/file.h"
#include "base/text.h"
#include "report/parts/report.h"
#include "report/results/gather.h"
#include "tests/report/fabricated.h"

namespace braid::report {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A variant with one dense model and one composite, as if their jobs had run.
struct Trained {
  std::string rate, share, seed;
  double dense, composite;
};

// The dense model depends on rate and seed, the composite on share and seed.
VariantResults VariantOf(const Trained& of, int64_t tokens = 1'000'000) {
  VariantResults variant;
  variant.values = {{"rate", of.rate}, {"share", of.share}, {"seeds", of.seed}};
  ModelResult dense = Model("dense", Role::kDense, of.dense, tokens),
              composite = Model("c", Role::kComposite, of.composite, tokens);
  dense.job = "dense";
  dense.seconds = 100;
  dense.core_seconds = 100;
  dense.cores = 1;
  composite.job = "joint:c";
  composite.composite = "c";
  composite.seconds = 30;
  composite.core_seconds = 60;
  composite.cores = 2;
  JobResult training;
  training.name = "dense";
  training.seconds = 100;
  JobResult joint;
  joint.name = "joint:c";
  joint.seconds = 30;
  joint.ranks = 2;
  variant.results.jobs = {training, joint};
  variant.results.models = {dense, composite};
  variant.trainings = {{"dense", "dense-rate_" + of.rate + "-seed_" + of.seed},
                       {"c", "c-share_" + of.share + "-seed_" + of.seed}};
  variant.jobs = {{"dense", variant.trainings["dense"]},
                  {"joint:c", "joint:" + variant.trainings["c"]}};
  return variant;
}

// Two rates, two shares and three seeds: 12 variants of 6 dense trainings and 6 composites.
Sweep Swept() {
  Sweep sweep;
  sweep.axes = {"rate", "share", "seeds"};
  for (const char* rate : {"1e-3", "3e-3"}) {
    for (const char* share : {"0.2", "0.4"}) {
      for (int seed = 1; seed <= 3; ++seed) {
        const double offset = 0.01 * (seed - 2);  // -0.01, 0, 0.01
        sweep.variants.push_back(VariantOf({rate, share, std::to_string(seed),
                                            (rate == std::string("1e-3") ? 2.5 : 2.4) + offset,
                                            (share == std::string("0.2") ? 2.2 : 2.3) + offset}));
      }
    }
  }
  sweep.candidates = CandidatesOf(sweep.variants);
  return sweep;
}

Results RunOf(Sweep sweep) {
  Results results;
  results.title = "swept";
  results.corpora = {kAllText};
  for (const Candidate& candidate : sweep.candidates)
    results.models.insert(results.models.end(), candidate.trainings.begin(),
                          candidate.trainings.end());
  results.sweep = std::make_shared<const Sweep>(std::move(sweep));
  return results;
}

std::vector<std::string> Titles(const std::vector<Candidate>& candidates) {
  std::vector<std::string> titles;
  for (const Candidate& candidate : candidates) titles.push_back(candidate.Title());
  return titles;
}

TEST(SweepResultsTest, AModelDependsOnTheAxesThatChangeItAlone) {
  const Sweep sweep = Swept();
  EXPECT_THAT(Titles(sweep.candidates),
              ElementsAre("dense, rate 1e-3", "c, share 0.2", "c, share 0.4", "dense, rate 3e-3"));
  for (const Candidate& candidate : sweep.candidates)
    EXPECT_EQ(candidate.trainings.size(), 3u) << candidate.Title();
  EXPECT_EQ(sweep.candidates[3].trainings[1].name, "dense-rate_3e-3-seed_2");
}

// By hand: 2.39, 2.40, 2.41 have the mean 2.4 and the deviation 0.01; t of two degrees is 4.3027.
TEST(SweepResultsTest, TheIntervalIsStudentsOfTheSeeds) {
  const Estimate loss = *Swept().candidates[3].LossOn(kAllText);
  EXPECT_NEAR(loss.value, 2.4, 1e-12);
  EXPECT_NEAR(loss.HalfWidth(), 4.3027 * 0.01 / std::sqrt(3.0), 1e-6);
  EXPECT_EQ(loss.freedom, 2);
}

TEST(SweepResultsTest, CompositesStandAgainstTheBestDenseArmOfTheirTokens) {
  Sweep sweep = Swept();
  // Better, but with three times the tokens.
  Candidate large = sweep.candidates[0];
  large.values = {{"rate", "9e-3"}};
  for (ModelResult& training : large.trainings) {
    training.tokens = 3'000'000;
    SetLoss(&training, 1.0);
  }
  sweep.candidates.push_back(large);
  const auto all = CompareCandidates(sweep.candidates);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].composite->Title(), "c, share 0.2");
  EXPECT_EQ(all[0].dense->Title(), "dense, rate 3e-3");
  EXPECT_NEAR(all[0].difference.value, -0.2, 1e-12);
  // Welch of two equal deviations: four degrees, and a standard error of 0.01 sqrt(2 / 3).
  EXPECT_NEAR(all[0].difference.HalfWidth(), 2.7764 * 0.01 * std::sqrt(2.0 / 3), 1e-6);
  EXPECT_TRUE(all[0].over_seeds);
  EXPECT_NEAR(all[0].time_share, 30 / (100.0 / 2), 1e-12);
}

// The mean of the minimum over all choices of so many, counted one by one.
double MeanOfMinima(const std::vector<double>& losses, int64_t tried) {
  double sum = 0;
  int count = 0;
  for (unsigned chosen = 0; chosen < 1u << losses.size(); ++chosen) {
    if (__builtin_popcount(chosen) != tried) continue;
    double least = 1e9;
    for (size_t i = 0; i < losses.size(); ++i) {
      if ((chosen >> i & 1) != 0) least = std::min(least, losses[i]);
    }
    sum += least;
    ++count;
  }
  return sum / count;
}

TEST(SweepResultsTest, TheBestOfSomeIsTheMeanOverAllChoicesOfThem) {
  Search search;
  search.losses = {1.0, 1.5, 1.7, 2.6, 3.1, 3.2, 4.0};
  search.settings = 7;
  for (int64_t tried = 1; tried <= 7; ++tried)
    EXPECT_NEAR(search.BestOf(tried), MeanOfMinima(search.losses, tried), 1e-12) << tried;
}

TEST(SweepResultsTest, ASearchCountsEachTrainingOnce) {
  const Sweep sweep = Swept();
  const auto searches = SearchesOf(sweep);
  ASSERT_EQ(searches.size(), 1u);
  EXPECT_EQ(searches[0].dense.settings, 2);
  EXPECT_EQ(searches[0].composites.settings, 2);
  EXPECT_DOUBLE_EQ(searches[0].dense.core_seconds, 6 * 100);
  EXPECT_DOUBLE_EQ(searches[0].composites.core_seconds, 6 * 60);
  EXPECT_EQ(searches[0].best.composite->Title(), "c, share 0.2");
}

TEST(SweepResultsTest, TheFrontierHasWhatNoOtherBeatsInBoth) {
  Sweep sweep = Swept();
  const auto by_time = FrontierOf(sweep.candidates, Cost::kSeconds);
  // All composites are faster and better than all dense models, and one of them is the better.
  ASSERT_EQ(by_time.size(), 1u);
  EXPECT_EQ(by_time[0]->Title(), "c, share 0.2");
  for (ModelResult& training : sweep.candidates[1].trainings) training.seconds = 40;
  const auto slower = FrontierOf(sweep.candidates, Cost::kSeconds);
  ASSERT_EQ(slower.size(), 2u);
  EXPECT_EQ(slower[0]->Title(), "c, share 0.4");
  EXPECT_EQ(slower[1]->Title(), "c, share 0.2");
}

std::string SummaryOf(const Results& results) {
  return ToMarkdown(SummaryDocument({results, {}}));
}

TEST(SweepReportTest, TheTablesHaveMeansIntervalsAndSeeds) {
  const std::string text = SummaryOf(RunOf(Swept()));
  EXPECT_THAT(text, HasSubstr("12 variants of one recipe, 4 models and settings, 12 trainings."));
  EXPECT_THAT(text, HasSubstr("means over up to 3 seeds"));
  EXPECT_THAT(text, HasSubstr("2.4000 ± 0.0248"));
  EXPECT_THAT(
      text, HasSubstr("Over 3 seeds c, share 0.2 is better than dense, rate 3e-3 on all "
                      "text: 2.2000 ± 0.0248 against 2.4000 ± 0.0248, difference -0.2000 "
                      "± 0.0227, in 0.60 of its time on equal cores and 0.60 of its device time."));
  EXPECT_THAT(text, Not(HasSubstr("one training")));
}

// An interval over seeds that reaches over zero decides nothing, however large the difference.
TEST(SweepReportTest, AVerdictNeedsAnIntervalThatExcludesChance) {
  Sweep sweep = Swept();
  SetLoss(&sweep.candidates[1].trainings[0], 3.0);
  SetLoss(&sweep.candidates[2].trainings[0], 3.0);
  const std::string text = SummaryOf(RunOf(sweep));
  EXPECT_THAT(text, HasSubstr(" does not differ for sure from dense, rate 3e-3"));
  EXPECT_THAT(text, Not(HasSubstr("is better than")));
}

// A small difference with a wide interval is not equality.
TEST(SweepReportTest, EqualIsWhatLiesWithinTheMarginWithItsInterval) {
  Sweep sweep = Swept();
  // The other composite is worse, so that the sentence is about the first.
  for (ModelResult& training : sweep.candidates[2].trainings) SetLoss(&training, 3.0);
  for (size_t i = 0; i < 3; ++i) SetLoss(&sweep.candidates[1].trainings[i], 2.39 + 0.01 * i);
  EXPECT_THAT(SummaryOf(RunOf(sweep)), HasSubstr("c, share 0.2 does not differ for sure from"));
  for (const size_t candidate : {1, 3}) {
    for (size_t i = 0; i < 3; ++i)
      SetLoss(&sweep.candidates[candidate].trainings[i], 2.39 + 1e-5 * i);
  }
  EXPECT_THAT(SummaryOf(RunOf(sweep)), HasSubstr("c, share 0.2 is equal to dense, rate 3e-3"));
}

// Three seeds beside one have no interval, so that nothing is decided.
TEST(SweepReportTest, ManySeedsBesideOneDecideNothing) {
  Sweep sweep = Swept();
  sweep.candidates[3].trainings.resize(1);
  const std::string text = SummaryOf(RunOf(sweep));
  EXPECT_THAT(text, HasSubstr("With one seed of one of them, and so without an interval, c, share "
                              "0.2 does not differ for sure from dense, rate 3e-3"));
  EXPECT_THAT(text, Not(HasSubstr("In this one training")));
}

TEST(SweepReportTest, ALossOnEachCorpusIsJudgedToo) {
  Sweep sweep = Swept();
  for (const size_t candidate : {1, 3}) {
    for (ModelResult& training : sweep.candidates[candidate].trainings)
      training.evaluation.losses["tales"] = {candidate == 1 ? 3.0 : 2.0, 10, 1000};
  }
  EXPECT_THAT(SummaryOf(RunOf(sweep)), HasSubstr("On tales it is worse: +1.0000 ± 0.0000."));
}

TEST(SweepReportTest, WithOneSeedTheReportSaysThatItProvesLittle) {
  Sweep sweep;
  sweep.axes = {"share"};
  sweep.variants = {VariantOf({"1e-3", "0.2", "1", 2.5, 2.2}),
                    VariantOf({"1e-3", "0.4", "1", 2.5, 2.3})};
  sweep.candidates = CandidatesOf(sweep.variants);
  const std::string text = SummaryOf(RunOf(sweep));
  EXPECT_THAT(text, HasSubstr("One training proves little"));
  EXPECT_THAT(text,
              HasSubstr("In this one training c, share 0.2 is better than dense on all text"));
}

TEST(SweepReportTest, NumbersAreThereForPrograms) {
  const Results results = RunOf(Swept());
  const Json json = ReportJson({results, {}});
  const Json& candidate = json["sweep"]["candidates"][3];
  EXPECT_EQ(candidate["model"], "dense");
  EXPECT_EQ(candidate["values"], (Json{{"rate", "3e-3"}}));
  EXPECT_EQ(candidate["trainings"].size(), 3u);
  ASSERT_EQ(candidate["loss"]["all"]["trainings"].size(), 3u);
  EXPECT_NEAR(candidate["loss"]["all"]["trainings"][2].get<double>(), 2.41, 1e-12);
  EXPECT_NEAR(candidate["loss"]["all"]["half_width"].get<double>(), 0.02484, 1e-4);
  EXPECT_EQ(json["sweep"]["comparisons"][0]["verdict"], "better");
  EXPECT_EQ(json["sweep"]["searches"][0]["equal_search"].size(), 2u);
  EXPECT_EQ(json["frontier"]["tokens"][0]["model"], "c, share 0.2");
  EXPECT_EQ(json["models"].size(), 12u);
}

// From the files of a task to candidates: names of the run become those of each variant.
class SweepGatherTest : public testing::Test {
 protected:
  SweepGatherTest() : folder_(std::move(TemporaryFolder::Create()).value()) {}

  void Put(const std::string& role, const std::string& file, const std::string& text) {
    const std::string folder = JoinPath(folder_.path(), role);
    ASSERT_TRUE(MakeFolder(folder).ok());
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder, file), text).ok());
    task_.inputs[role] = folder;
  }
  void Evaluation(const std::string& training, double loss) {
    Put("evaluation." + training, "evaluation.json",
        Json{{"name", training},
             {"model", {{"kind", "dense"}, {"parameters", 1000}}},
             {"loss", {{"all", {{"loss", loss}, {"perplexity", 9.0}, {"tokens", 1000}}}}}}
            .dump());
  }
  static Json Job(const std::string& name, int ranks, int64_t seconds, int64_t tokens) {
    return {{"name", name},
            {"kind", "train"},
            {"ranks", ranks},
            {"slots", 1},
            {"started_ms", 1000},
            {"ended_ms", 1000 + 1000 * seconds},
            {"summary", {{"tokens", tokens}}}};
  }

  TemporaryFolder folder_;
  task::Task task_;
};

TEST_F(SweepGatherTest, VariantsAreReadUnderTheNamesOfTheirOwnGraphs) {
  for (const char* seed : {"1", "2"}) {
    const std::string at = std::string("-seed_") + seed;
    Evaluation("path_1" + at, 5);
    Evaluation("path_2" + at, 5);
    Evaluation("c" + at, seed == std::string("1") ? 2.0 : 2.2);
    Put("merge.c" + at, "merge.json",
        Json{{"parents", {"path_1", "path_2"}},
             {"seed", 7},
             {"proof", "bit-equal"},
             {"dropped", Json::array()},
             {"tensors", Json::array()}}
            .dump());
  }
  Evaluation("dense", 2.5);
  Json variants = Json::array(), jobs = Json::array();
  for (const char* seed : {"1", "2"}) {
    const std::string at = std::string("-seed_") + seed;
    Json names = Json::object();
    for (const char* job : {"path_1", "path_2", "merge:c", "gate:c", "joint:c", "evaluate:path_1",
                            "evaluate:path_2", "evaluate:c"})
      names[job] = job + at;
    variants.push_back(
        {{"name", "seed_" + std::string(seed)}, {"values", {{"seeds", seed}}}, {"jobs", names}});
    jobs.push_back(Job("path_1" + at, 1, seed == std::string("1") ? 10 : 20, 100));
    jobs.push_back(Job("path_2" + at, 1, 5, 100));
    jobs.push_back(Job("merge:c" + at, 1, 1, 0));
    jobs.push_back(Job("gate:c" + at, 1, 2, 0));
    jobs.push_back(Job("joint:c" + at, 2, 30, 200));
  }
  jobs.push_back(Job("dense", 1, 100, 400));
  Json models = Json::array();
  for (const char* path : {"path_1", "path_2"})
    models.push_back({{"name", path}, {"evaluation", path}, {"history", path}, {"role", "path"}});
  models.push_back({{"name", "c"},
                    {"evaluation", "c"},
                    {"history", "joint:c"},
                    {"role", "composite"},
                    {"composite", "c"}});
  models.push_back(
      {{"name", "dense"}, {"evaluation", "dense"}, {"history", "dense"}, {"role", "dense"}});
  task_.spec = {{"models", models},
                {"sweep", {{"axes", {"seeds"}}, {"variants", variants}}},
                {"facts", {{"run", {{"id", "r"}}}, {"jobs", jobs}}}};
  const auto results = Gather(task_, EvaluationFields());
  ASSERT_TRUE(results.ok()) << results.status().message();
  ASSERT_NE(results->sweep, nullptr);
  const auto& candidates = results->sweep->candidates;
  EXPECT_THAT(Titles(candidates), ElementsAre("path_1", "path_2", "c", "dense"));
  // The critical path: the longest path of its own seed, merge, gate and joint phase.
  ASSERT_EQ(candidates[2].trainings.size(), 2u);
  EXPECT_EQ(candidates[2].trainings[0].name, "c-seed_1");
  EXPECT_EQ(candidates[2].trainings[0].job, "joint:c-seed_1");
  EXPECT_EQ(candidates[2].trainings[0].seconds, 10 + 1 + 2 + 30);
  EXPECT_EQ(candidates[2].trainings[1].seconds, 20 + 1 + 2 + 30);
  EXPECT_EQ(candidates[2].trainings[1].core_seconds, 20 + 5 + 1 + 2 + 2 * 30);
  EXPECT_EQ(candidates[2].tokens(), 400);
  EXPECT_DOUBLE_EQ(candidates[2].LossOn(kAllText)->value, 2.1);
  // One training for both seeds is one, and has no interval.
  EXPECT_EQ(candidates[3].trainings.size(), 1u);
  EXPECT_FALSE(candidates[3].LossOn(kAllText)->has_interval());
  EXPECT_EQ(results->models.size(), 3u * 2 + 1);
}

}  // namespace
}  // namespace braid::report
