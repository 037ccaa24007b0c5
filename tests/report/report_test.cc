// The report of a small run whose figures are known.
#include "report/parts/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "report/claims/claims.h"
#include "report/results/baseline.h"
#include "report/results/gather.h"
#include "report/results/progress.h"
#include "tests/report/fabricated.h"

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// What lines that judge say.
constexpr const char* kWordsThatJudge[] = {" is better than ",
                                           " is worse than ",
                                           " are equal on ",
                                           " do not differ for sure",
                                           " times as fast as ",
                                           " times as long as ",
                                           " holds ",
                                           " hold ",
                                           "does not hold",
                                           "undecided in",
                                           " when it was ready, "};

Document Short(const Results& results) {
  return SummaryDocument({results, TestClaims(results)});
}
Document Full(const Results& results) {
  return FullDocument({results, TestClaims(results)});
}

Json Numbers(const Results& results) {
  return ReportJson({results, TestClaims(results)});
}

class ReportTest : public testing::Test {
 protected:
  ReportTest() : folder_(std::move(TemporaryFolder::Create()).value()) {
    Evaluation("path_1", 1'000'000, 3.0, 6.0, 5.0);
    Evaluation("path_2", 1'000'000, 6.0, 2.0, 4.5);
    Evaluation("c@start", 4'000'000, 8.0, 8.0, 8.0);
    Evaluation("c", 4'000'000, 2.8, 2.4, 2.6);
    Evaluation("dense", 3'000'000, 2.7, 2.1, 2.4);
    for (const std::string job : {"path_1", "path_2", "joint:c", "dense"}) {
      Put("history." + job, "history.jsonl",
          "{\"step\":1,\"loss\":5,\"tokens\":100}\n"
          "{\"step\":2,\"loss\":4,\"tokens\":200,\"validation/tales\":4.5,\"validation/all\":5}\n");
    }
    Put("merge.c", "merge.json",
        Json{{"parents", {"path_1", "path_2"}},
             {"seed", 7},
             {"proof", "bit-equal"},
             {"dropped", Json::array({1, 2})},
             {"tensors", {{{"sources", Json::array({1})}}, {{"sources", Json::array()}}}}}
            .dump());
    Put("gate.c", "gate.json",
        Json{{"hidden_states", "bit-equal"}, {"tokens_compared", 512}}.dump());
    task_.job = "report";
    task_.spec = {{"title", "small"}, {"recipe", "run: small\n"}, {"models", Json::array()}};
    Model("path_1", "path_1", "path", "");
    Model("path_2", "path_2", "path", "");
    Model("c@start", "", "composite_start", "c");
    Model("c", "joint:c", "composite", "c");
    Model("dense", "dense", "dense", "");
    Json jobs = Json::array();
    jobs.push_back(Job("path_1", "train", 1, 1, 40, 600'000, {{"data.tales", "aaaa"}}));
    jobs.push_back(Job("path_2", "train", 1, 1, 60, 600'000, {{"data.sums", "bbbb"}}));
    jobs.push_back(Job("merge:c", "merge", 1, 1, 2, 0, {}));
    jobs.push_back(Job("gate:c", "gate", 1, 1, 3, 0, {}));
    jobs.push_back(Job("joint:c", "joint", 2, 1, 35, 800'000, {}));
    jobs.push_back(Job("dense", "train", 1, 1, 150, 2'000'000, {}));
    task_.spec["facts"] = {{"run", {{"id", "r-1"}, {"created_ms", 1000}}}, {"jobs", jobs}};
  }

  void Put(const std::string& role, const std::string& file, const std::string& text) {
    const std::string folder = JoinPath(folder_.path(), role);
    ASSERT_TRUE(MakeFolder(folder).ok());
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder, file), text).ok());
    task_.inputs[role] = folder;
  }

  void Evaluation(const std::string& name, int64_t parameters, double tales, double sums,
                  double all) {
    const auto loss = [](double value) {
      return Json{{"loss", value}, {"perplexity", 10 * value}, {"tokens", 100}};
    };
    Put("evaluation." + name, "evaluation.json",
        Json{{"name", name},
             {"model", {{"kind", "dense"}, {"parameters", parameters}}},
             {"loss", {{"all", loss(all)}, {"tales", loss(tales)}, {"sums", loss(sums)}}},
             {"samples", {{{"prompt", "Once"}, {"text", " upon | " + name}}}}}
            .dump());
  }

  void Model(const std::string& name, const std::string& history, const std::string& role,
             const std::string& composite) {
    task_.spec["models"].push_back({{"name", name},
                                    {"evaluation", name},
                                    {"history", history},
                                    {"role", role},
                                    {"composite", composite}});
  }

  // The row of a model in the task.
  Json& Find(const std::string& name) {
    for (Json& model : task_.spec["models"]) {
      if (model["name"] == name) return model;
    }
    return task_.spec["models"].emplace_back();
  }

  static Json Job(const std::string& name, const std::string& kind, int ranks, int slots,
                  int64_t seconds, int64_t tokens, Json inputs) {
    return {{"name", name},
            {"kind", kind},
            {"state", "succeeded"},
            {"parents", Json::array()},
            {"worker", "w-1"},
            {"slots", slots},
            {"ranks", ranks},
            {"threads", 1},
            {"attempts", 1},
            {"started_ms", 5000},
            {"ended_ms", 5000 + seconds * 1000},
            {"outputs", {{"model", "0123456789abcdef"}}},
            {"inputs", inputs},
            {"summary", {{"tokens", tokens}}}};
  }

  Results MustGather() {
    Result<Results> results = Gather(task_, EvaluationFields());
    EXPECT_TRUE(results.ok()) << results.status().message();
    return std::move(results).value();
  }

  TemporaryFolder folder_;
  task::Task task_;
};

// What no model saw is said where the results are.
TEST_F(ReportTest, BlankDocumentsAndBadRowsAreCounted) {
  EXPECT_THAT(ToMarkdown(Full(MustGather())), Not(HasSubstr("left out")));
  Json job = Job("prepare:tales", "prepare", 1, 1, 5, 0, {});
  job["summary"] = {{"documents", 90},
                    {"blank_documents", 3},
                    {"bad_rows", 7},
                    {"first_bad_rows", {"data/tales.jsonl:7: field is not text, but null"}}};
  task_.spec["facts"]["jobs"].push_back(job);
  const std::string text = ToMarkdown(Full(MustGather()));
  EXPECT_THAT(text, HasSubstr("Corpus tales: 3 documents are blank and were left out."));
  EXPECT_THAT(text, HasSubstr("Corpus tales: 7 rows could not be read and were skipped; the first: "
                              "data/tales.jsonl:7: field is not text, but null."));
  task_.spec["facts"]["jobs"].back()["summary"]["rows"] = 100;
  EXPECT_THAT(ToMarkdown(Full(MustGather())),
              HasSubstr("Corpus tales: 7 of 100 rows could not be read and were skipped; "));
}

TEST_F(ReportTest, AddsUpWhatACompositeCost) {
  const Results results = MustGather();
  EXPECT_THAT(results.corpora, ElementsAre("sums", "tales", "all"));
  const ModelResult* composite = results.FindModel("c");
  ASSERT_NE(composite, nullptr);
  EXPECT_EQ(composite->tokens, 2'000'000);
  EXPECT_EQ(composite->cores, 2);
  EXPECT_DOUBLE_EQ(composite->seconds, 60 + 2 + 3 + 35);
  EXPECT_EQ(results.FindModel("c@start")->tokens, 1'200'000);
  ASSERT_EQ(results.speed.size(), 1u);
  const SpeedComparison& speed = results.speed[0];
  EXPECT_EQ(speed.cores, 2);
  EXPECT_DOUBLE_EQ(speed.critical_path, 100);
  EXPECT_DOUBLE_EQ(speed.one_after_another, 140);
  EXPECT_DOUBLE_EQ(speed.composite_core_seconds, 40 + 60 + 2 + 3 + 70);
  EXPECT_DOUBLE_EQ(speed.dense_equal_cores, 75);  // 150 s on one core
}

// Both paths begin with it: its tokens and its time count once, before theirs.
TEST_F(ReportTest, ASeedModelCountsOnceAndComesBeforeThePaths) {
  Json& jobs = task_.spec["facts"]["jobs"];
  Json seed = Job("seed_model", "train", 1, 1, 20, 100'000, {});
  seed["outputs"]["model"] = "5eed";
  for (Json& job : jobs) {
    if (job["name"] == "path_1" || job["name"] == "path_2") job["inputs"]["init"] = "5eed";
  }
  jobs.push_back(seed);
  const Results results = MustGather();
  const ModelResult* composite = results.FindModel("c");
  EXPECT_EQ(composite->tokens, 2'100'000);
  EXPECT_DOUBLE_EQ(composite->seconds, 20 + 60 + 2 + 3 + 35);
  EXPECT_EQ(results.FindModel("path_1")->tokens, 700'000);
  EXPECT_DOUBLE_EQ(results.FindModel("path_1")->seconds, 60);
  EXPECT_DOUBLE_EQ(results.FindModel("path_1")->stage_1_seconds, 60);
  EXPECT_DOUBLE_EQ(results.FindModel("path_1")->core_seconds, 20 + 40);
  EXPECT_DOUBLE_EQ(results.FindModel("path_1")->tokens_per_second, 15'000);
  ASSERT_EQ(results.speed.size(), 1u);
  EXPECT_DOUBLE_EQ(results.speed[0].critical_path, 120);
  EXPECT_DOUBLE_EQ(results.speed[0].one_after_another, 160);
  EXPECT_DOUBLE_EQ(results.speed[0].composite_core_seconds, 20 + 40 + 60 + 2 + 3 + 70);
}

TEST_F(ReportTest, SaysSoWhereTheCompositeIsWorse) {
  const std::string text = ToMarkdown(Short(MustGather()));
  EXPECT_THAT(text, HasSubstr("In this one training c is better than c@start on all text: its loss "
                              "is 5.4000 lower (2.6000 and 8.0000)."));
  EXPECT_THAT(text, HasSubstr("In this one training c is worse than dense on all text: its loss is "
                              "0.2000 higher (2.6000 and 2.4000)."));
  EXPECT_THAT(text, HasSubstr("In this one training c is better than path_1 on tales: its loss is "
                              "0.2000 lower (2.8000 and 3.0000)."));
  EXPECT_THAT(text, HasSubstr("In this one training c is worse than path_2 on sums"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "In this one training c took 1.33 times as long as dense would on the same 2 cores."));
}

// Another seed, number of ranks or CPU moves losses by more than the intervals say, so no line that
// judges may sound as if it knew.
TEST_F(ReportTest, EveryVerdictIsOfThisOneTraining) {
  const Results results = MustGather();
  for (const std::string& text : {ToMarkdown(Short(results)), ToMarkdown(Full(results))}) {
    int judged = 0;
    for (const std::string& line : Split(text, '\n')) {
      const bool title = line.find("(PaPaformer: ") != std::string::npos;  // a claim, in the words
                                                                           // of who made it
      const bool judges = !title && std::any_of(std::begin(kWordsThatJudge),
                                                std::end(kWordsThatJudge), [&](const char* words) {
                                                  return line.find(words) != std::string::npos;
                                                });
      judged += judges ? 1 : 0;
      if (judges) {
        EXPECT_THAT(line, testing::ContainsRegex("[Ii]n this one training"));
      }
    }
    EXPECT_GE(judged, 6);
  }
  const std::string json = ToJson(TestClaims(results)).dump(), html = ToHtml(Full(results));
  EXPECT_THAT(json, Not(HasSubstr("hold here")));
  EXPECT_THAT(html, Not(HasSubstr("hold here")));
}

// Validation losses of a composite and a dense model by step, and what they were at equal tokens
// and time.
TEST_F(ReportTest, LossesAreComparedAtEqualTokensAndEqualTime) {
  const auto line = [](int step, int tokens, double loss) {
    return Json{{"step", step},
                {"tokens", tokens},
                {"gradient_norm", step == 1 ? 5.0 : 0.5},
                {"validation/tales", loss},
                {"validation/sums", loss + 1}}
               .dump() +
           "\n";
  };
  // 100 s of 2 cores, and of the dense model's 250 s on one core 125 s of two: the composite is
  // ready at 80 % of them.
  task_.spec["facts"]["jobs"][5]["ended_ms"] = 5000 + 250'000;
  Put("history.joint:c", "history.jsonl", line(1, 400'000, 5) + line(2, 800'000, 2.5));
  Put("history.dense", "history.jsonl",
      line(1, 500'000, 6) + line(2, 1'000'000, 5) + line(3, 1'500'000, 4) + line(4, 2'000'000, 3) +
          line(5, 2'500'000, 2));
  task_.spec["facts"]["jobs"][5]["summary"]["tokens"] = 2'500'000;
  const Results results = MustGather();
  const auto all = CompareOnEqualTerms(results);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_DOUBLE_EQ(all[0].loss, 3.0);  // the mean of 2.5 and 3.5: as many tokens of each were set
                                       // aside
  ASSERT_TRUE(all[0].tokens.has_value() && all[0].time.has_value());
  EXPECT_DOUBLE_EQ(all[0].tokens->loss, 3.5);  // after 2,000,000 tokens
  EXPECT_DOUBLE_EQ(all[0].tokens->share, 0.8);
  EXPECT_DOUBLE_EQ(all[0].time->loss, 3.5);
  EXPECT_DOUBLE_EQ(all[0].time->share, 0.8);
  const std::string text = ToMarkdown(Short(results));
  EXPECT_THAT(text, HasSubstr("## Loss at equal tokens and at equal time"));
  EXPECT_THAT(text, HasSubstr("| c         |          3.0000 | 2.00 M | 1 min 40 s |     2 | dense "
                              "|         3.5000 (80 %) |      3.5000 (80 %) |"));
  EXPECT_EQ(Numbers(results)["equal_terms"][0]["dense_at_time"]["share"], 0.8);
  EXPECT_THAT(ToMarkdown(Full(results)), HasSubstr("validation-loss-time.svg"));
}

TEST_F(ReportTest, WhoIsReadyLaterIsComparedWithTheEndOfTheOther) {
  const std::string two =
      "{\"step\":1,\"tokens\":1,\"validation/tales\":3,\"validation/sums\":3}\n"
      "{\"step\":4,\"tokens\":4,\"validation/tales\":1,\"validation/sums\":1}\n";
  Put("history.joint:c", "history.jsonl", two);
  Put("history.dense", "history.jsonl", two);
  const auto all = CompareOnEqualTerms(MustGather());  // 100 s against 75 s
  ASSERT_EQ(all.size(), 1u);
  EXPECT_DOUBLE_EQ(all[0].time->loss, 1);
  EXPECT_DOUBLE_EQ(all[0].time->share, 1);
}

// Before a first validation nothing is known, and one corpus alone says nothing of all text.
TEST_F(ReportTest, LossesThatWereNotMeasuredAreNotGuessed) {
  task_.spec["facts"]["jobs"][5]["ended_ms"] = 5000 + 2'000'000;
  Put("history.joint:c", "history.jsonl",
      "{\"step\":1,\"tokens\":1,\"validation/tales\":3,\"validation/sums\":3}\n");
  Put("history.dense", "history.jsonl",
      "{\"step\":100,\"tokens\":3000000,\"validation/tales\":3,\"validation/sums\":3}\n");
  const auto all = CompareOnEqualTerms(MustGather());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_FALSE(all[0].tokens.has_value());
  EXPECT_FALSE(all[0].time.has_value());
  Put("history.dense", "history.jsonl",
      "{\"step\":100,\"tokens\":3000000,\"validation/tales\":3}\n");
  EXPECT_THAT(CompareOnEqualTerms(MustGather()), testing::IsEmpty());
}

TEST_F(ReportTest, GradientsAreThoseOfTheHistory) {
  Put("history.joint:c", "history.jsonl",
      "{\"step\":1,\"gradient_norm\":129.0}\n{\"step\":2,\"gradient_norm\":1.5}\n{\"step\":3,"
      "\"gradient_norm\":1.0}\n{\"step\":4,\"gradient_norm\":0.5}\n");
  Find("c")["clip"] = 1.0;
  const Results results = MustGather();
  const auto gradients = GradientsOf(results, *results.FindModel("c"));
  ASSERT_TRUE(gradients.has_value());
  EXPECT_DOUBLE_EQ(gradients->first, 129);
  EXPECT_DOUBLE_EQ(*gradients->clipped, 0.5);
  EXPECT_FALSE(GradientsOf(results, *results.FindModel("dense")).has_value());  // its history has
                                                                                // none
  EXPECT_THAT(ToMarkdown(Full(results)),
              HasSubstr("| c     |     4 |                        129 |    1 |          50 % |"));
  EXPECT_EQ(Numbers(results)["models"][3]["gradients"],
            (Json{{"steps", 4}, {"first_norm", 129.0}, {"clip", 1.0}, {"clipped", 0.5}}));
  Find("c")["clip"] = 0;
  EXPECT_THAT(ToMarkdown(Full(MustGather())), HasSubstr("129 | none |           0 % |"));
  Find("c").erase("clip");  // a report that was asked for before it was said
  EXPECT_THAT(ToMarkdown(Full(MustGather())), HasSubstr("129 |    - |             - |"));
  Find("c")["clip"] = "some";
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.models.3.clip: expected a number"));
}

TEST_F(ReportTest, TheTableHoldsEveryModelAndCorpus) {
  const std::string text = ToMarkdown(Short(MustGather()));
  EXPECT_THAT(text, HasSubstr("| path_1  | path"));
  EXPECT_THAT(text, HasSubstr("composite, merged"));
  EXPECT_THAT(text, HasSubstr("all text: loss"));
  EXPECT_THAT(
      text, HasSubstr("| dense   |     3.00 M |         2.00 M |     1 | 2 min 30 s |   13.3 k |"));
}

TEST_F(ReportTest, TheWholeReportHasSamplesCurvesMergeAndLineage) {
  const Document full = Full(MustGather());
  const std::string text = ToMarkdown(full), html = ToHtml(full);
  EXPECT_THAT(text, HasSubstr("| path_2  |  upon \\| path_2  |"));
  EXPECT_THAT(text, HasSubstr("(training-loss.svg)"));
  EXPECT_THAT(
      text, HasSubstr("| c         | path_1, path_2                        | -          |          "
                      "       1 |   1 |       2 | bit-equal | bit-equal     |"
                      "                          - |  5.0000, 4.5000 |       8.0000 |  2.6000 |"));
  EXPECT_THAT(text, HasSubstr("model 0123456789ab"));
  EXPECT_THAT(text, HasSubstr("```\nrun: small\n```"));
  EXPECT_THAT(html, HasSubstr("<svg"));
}

TEST_F(ReportTest, WorksByHandWithoutFacts) {
  task_.spec.erase("facts");
  const std::string text = ToMarkdown(Full(MustGather()));
  EXPECT_THAT(text, HasSubstr("| path_1 "));
  EXPECT_THAT(text, Not(HasSubstr("Time, on equal cores")));
  EXPECT_THAT(text, Not(HasSubstr("Lineage")));
}

TEST_F(ReportTest, APathFromAnotherRunHasNoCostHere) {
  task_.spec["models"][0]["history"] = "";
  task_.spec["facts"]["jobs"].erase(0);
  task_.inputs.erase("history.path_1");
  const Results results = MustGather();
  EXPECT_EQ(results.FindModel("path_1")->tokens, 0);
  EXPECT_LT(results.FindModel("path_1")->seconds, 0);
  // Nor has the composite: what is known of it is its joint training.
  const ModelResult* composite = results.FindModel("c");
  EXPECT_EQ(composite->tokens, 0);
  EXPECT_LT(composite->seconds, 0);
  EXPECT_DOUBLE_EQ(composite->stage_2_seconds, 35);
  EXPECT_THAT(results.speed, testing::IsEmpty());
  const std::string text = ToMarkdown(Full(results));
  EXPECT_THAT(text, Not(HasSubstr("Time, on equal cores")));
  EXPECT_THAT(text, HasSubstr("the tokens of c are not known"));
}

TEST_F(ReportTest, APathKeptOfABaseHasNoCostHere) {
  model::ModelSpec spec = CompositeSpec("share");
  spec.name = "c", spec.vocab = 100, spec.pad_id = 99, spec.sequence = 32;
  spec.paths[0].name = "kept";
  Find("c")["model"] = model::ToJson(spec);
  Results results = MustGather();
  EXPECT_THAT(results.PathsOf(*results.FindModel("c")), ElementsAre("kept", "path_2"));
  EXPECT_EQ(results.FindModel("c")->tokens, 0);
  EXPECT_THAT(results.speed, testing::IsEmpty());
}

TEST_F(ReportTest, ACompositeThatGrewFromABaseHasTheCostsOfTheBaseToo) {
  for (Json& job : task_.spec["facts"]["jobs"]) {
    if (job["name"] == "merge:c") job["inputs"]["base"] = "cccc";
  }
  const Results results = MustGather();
  EXPECT_EQ(results.FindModel("c")->tokens, 0);
  EXPECT_THAT(results.speed, testing::IsEmpty());
}

TEST_F(ReportTest, ACompositeTrainedFromScratchIsABaselineButNoDenseModel) {
  Find("dense")["role"] = "composite_scratch";
  const Results results = MustGather();
  EXPECT_THAT(results.speed, testing::IsEmpty());
  EXPECT_EQ(BestBaselineOf(results, *results.FindModel("c")), nullptr);
  const std::string text = ToMarkdown(Short(results));
  EXPECT_THAT(text, HasSubstr("composite, from scratch"));
  EXPECT_THAT(text, Not(HasSubstr("dense baseline")));
  EXPECT_THAT(text, HasSubstr("In this one training c is worse than dense on all text"));
}

TEST_F(ReportTest, NamesTheModeAndEveryOverride) {
  task_.spec["compat"] = {{"mode", "paper"},
                          {"overrides", {"train.last_label = ignore", "arch.rope_layout = half"}}};
  EXPECT_THAT(ToMarkdown(Short(MustGather())),
              HasSubstr("Compatibility: paper, overridden in train.last_label = ignore, "
                        "arch.rope_layout = half."));
  task_.spec["compat"] = {{"mode", "fixed"}, {"overrides", Json::array()}};
  EXPECT_THAT(ToMarkdown(Short(MustGather())),
              HasSubstr("Compatibility: fixed, without overrides."));
  task_.spec["compat"] = {{"mode", "loose"}};
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.compat.mode: expected fixed or paper, found \"loose\""));
  task_.spec["compat"] = {{"overrides", 3}};
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.compat.overrides: expected a list"));
}

TEST_F(ReportTest, StagesOfACompositeAreThoseOfItsJobs) {
  const Results results = MustGather();
  const ModelResult& composite = *results.FindModel("c");
  EXPECT_DOUBLE_EQ(composite.stage_1_seconds, 60);
  EXPECT_DOUBLE_EQ(composite.stage_2_seconds, 35);
  EXPECT_DOUBLE_EQ(composite.in_turn_seconds, 140);
  EXPECT_DOUBLE_EQ(composite.tokens_per_second, 800'000.0 / 35);
  EXPECT_DOUBLE_EQ(results.FindModel("path_1")->stage_1_seconds, 40);
  EXPECT_DOUBLE_EQ(results.FindModel("dense")->stage_2_seconds, 150);
}

TEST_F(ReportTest, TellsWhatHoldsOfTheClaims) {
  const std::string text = ToMarkdown(Full(MustGather()));
  EXPECT_THAT(text, HasSubstr("## Claims, tested on this run"));
  EXPECT_THAT(text, HasSubstr("| does not hold in this one training | loss on all text 2.6000 "
                              "against 2.4000, 0.2000 higher"));
  EXPECT_THAT(text, HasSubstr("- Claims that hold in this one training: "));
  EXPECT_THAT(ToMarkdown(Short(MustGather())), HasSubstr("Of the papers' claims, "));
}

TEST_F(ReportTest, PartsThatTheRunHasNothingForAreLeftOut) {
  const std::string text = ToMarkdown(Full(MustGather()));
  for (const char* part : {"## BLiMP", "## Routing", "## Dual-path"})
    EXPECT_THAT(text, Not(HasSubstr(part)));
  EXPECT_THAT(text, HasSubstr("## Times"));
  EXPECT_THAT(text, HasSubstr("(timeline.svg)"));
}

TEST_F(ReportTest, TheJsonHasScoresWithTheirIntervals) {
  Json evaluation = {
      {"name", "c"},
      {"model", {{"parameters", 1}}},
      {"blimp", {{"mean", 60.0}, {"paradigms", {{"island", 60.0}}}, {"pairs", 1000}}}};
  Put("evaluation.c", "evaluation.json", evaluation.dump());
  const Json json = Numbers(MustGather());
  EXPECT_DOUBLE_EQ(json["models"][3]["scores"]["blimp"]["value"].get<double>(), 60);
  EXPECT_NEAR(json["models"][3]["scores"]["blimp"]["half_width"].get<double>(), 3.03, 0.02);
  EXPECT_TRUE(json["models"][3]["scores"]["mean"].is_null());
  EXPECT_EQ(json["models"][4]["scores"], Json::object());
}

TEST_F(ReportTest, AHistoryThatIsNoJsonNamesItsLine) {
  Put("history.dense", "history.jsonl", "{\"step\": 1}\n[1]\n");
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("history.jsonl:2: expected an object"));
}

TEST_F(ReportTest, AFieldOfTheFactsWithAWrongTypeIsNamed) {
  task_.spec["facts"]["run"]["id"] = 7;
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.facts.run.id: expected a string"));
  task_.spec["facts"]["run"]["id"] = "r-1";
  task_.spec["facts"]["jobs"][0]["slots"] = "two";
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.facts.jobs.0.slots: expected a whole number"));
  task_.spec["facts"]["jobs"] = 3;
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.facts.jobs: expected a list"));
}

TEST_F(ReportTest, ASpecThatTheEvaluationLacksIsTakenFromTheTask) {
  task_.spec["models"][4]["model"] = {{"kind", "dense"}};
  EXPECT_THAT(Gather(task_, EvaluationFields()).status().message(),
              HasSubstr("spec.models.4.model"));
}

TEST_F(ReportTest, ARoleThatIsNoneIsRefusedWithThoseThatAre) {
  Find("dense")["role"] = "sparse";
  EXPECT_THAT(
      Gather(task_, EvaluationFields()).status().message(),
      HasSubstr("spec.models.4.role: expected path or composite or composite_start or dense "
                "or composite_scratch or seed_model, found \"sparse\""));
  for (const std::string word :
       {"path", "composite", "composite_start", "dense", "composite_scratch", "seed_model"}) {
    Find("dense")["role"] = word;
    const Results results = MustGather();
    EXPECT_EQ(schema::NameOf(results.FindModel("dense")->role), word);
    EXPECT_EQ(Numbers(results)["models"][4]["role"], word);
  }
}

TEST_F(ReportTest, ErrorsNameFileAndField) {
  Put("evaluation.dense", "evaluation.json",
      R"({"name": "dense", "model": {}, "loss": {"all": {"loss": "low", "perplexity": 1}}})");
  const auto results = Gather(task_, EvaluationFields());
  ASSERT_FALSE(results.ok());
  EXPECT_THAT(results.status().message(),
              HasSubstr("evaluation.json: loss.all.loss: expected a number"));
}

}  // namespace
}  // namespace braid::report
