// The tables that parts of the report make of results.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/input/dual.h"
#include "report/parts/counterpart.h"
#include "tests/report/fabricated.h"
#include "tests/report/sections.h"
#include "tests/word.h"

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> Column(const Table& table, size_t column) {
  std::vector<std::string> cells;
  for (const auto& row : table.rows) cells.push_back(column < row.size() ? row[column] : "");
  return cells;
}

const std::vector<std::string>* RowOf(const Table& table, const std::string& first) {
  for (const auto& row : table.rows) {
    if (row[0] == first) return &row;
  }
  return nullptr;
}

TEST(PartsTest, CounterpartsFollowRoleConnectionAndWidth) {
  Results results = TwoPathRun();
  Find(&results, "dense")->evaluation.spec = DenseSpec("llama", 64);
  ModelResult* narrow = &results.models.emplace_back(Model("narrow", Role::kDense, 2.5));
  narrow->evaluation.spec = DenseSpec("llama", 48);
  ModelResult* moe = AddComposite(&results, "moe", "routed", 2.6);
  EXPECT_EQ(CounterpartOf(results, *Find(&results, "c")), "Share_Linear");
  EXPECT_EQ(CounterpartOf(results, *Find(&results, "dense")), "LLaMA_256");
  EXPECT_EQ(CounterpartOf(results, *Find(&results, "narrow")), "LLaMA_192");
  EXPECT_EQ(CounterpartOf(results, *Find(&results, "path_2")), "Path_2");
  EXPECT_EQ(CounterpartOf(results, *moe), "Gumbel_MoE_1");
  moe->evaluation.spec->connection.router.input = Word("concat");
  EXPECT_EQ(CounterpartOf(results, *moe), "Gumbel_MoE_2");
  moe->evaluation.spec->connection.router.kind = Word("softmax");
  EXPECT_EQ(CounterpartOf(results, *moe), "-");
  EXPECT_EQ(CounterpartOf(results, *AddComposite(&results, "preserving", "slice", 2.6)), "-");
}

// Phase 1 of PaPaformer: composites and dense models, all from scratch, without a merge.
TEST(PartsTest, CompositesTrainedFromScratchHaveCounterpartsToo) {
  Results results;
  results.models = {Model("share", Role::kCompositeScratch, 2.6), Model("dense", Role::kDense, 2.4),
                    Model("path_1", Role::kDense, 3.0)};
  results.models[0].evaluation.spec = CompositeSpec("share");
  results.models[1].evaluation.spec = DenseSpec("llama", 48);
  results.models[2].evaluation.spec = DenseSpec("llama", 32);
  EXPECT_EQ(CounterpartOf(results, results.models[0]), "Share_Linear");
  EXPECT_EQ(CounterpartOf(results, results.models[1]), "LLaMA_192");
  EXPECT_EQ(CounterpartOf(results, results.models[2]), "-");
  EXPECT_EQ(TitleOf(results.models[0].role), "composite, from scratch");
  SetRouting(&results.models[0], {23, 70, 7}, 46);
  EXPECT_THAT(TableOf("routing", results).rows[0],
              ElementsAre("share", "Share_Linear", "the prompts", "23.0", "70.0", "7.0",
                          testing::StartsWith("46.0 ±"), "60"));
}

TEST(PartsTest, ScoresStandAboveThePublishedOnesWithTheirIntervals) {
  Results results = TwoPathRun();
  EXPECT_THAT(TableOf("scores", results).rows, IsEmpty());
  SetScores(Find(&results, "c"), 60);
  SetScores(Find(&results, "dense"), 59);
  const Table table = TableOf("scores", results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "60.00 ± 0.37", "60.00 ± 0.62",
                                         "60.00 ± 0.62", "60.00 ± 0.26"));
  EXPECT_TRUE(table.strong.contains({0, 5}));
  EXPECT_THAT(*RowOf(table, "Share_Linear"),
              ElementsAre("Share_Linear", "", "63.20", "58.60", "56.40", "59.40"));
  EXPECT_THAT(table.groups, SizeIs(3));
  EXPECT_THAT(SummaryTableOf("scores", results).rows, SizeIs(2));
}

TEST(PartsTest, PartsOfAScoreThatAreMissingAreDashes) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "c"), 60);
  Measured<Glue>(&results, "c").superglue.reset();
  EXPECT_THAT(TableOf("scores", results).rows[0],
              ElementsAre("c", "Share_Linear", "60.00 ± 0.37", "60.00 ± 0.62", "-", "-"));
}

TEST(PartsTest, APartOfBlimpIsMarkedAndNotCompared) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "c"), 60);
  SetScores(Find(&results, "dense"), 59);
  Measured<Blimp>(&results, "c").paradigms["island"] = 60;
  Measured<Blimp>(&results, "c").pairs = 100;
  const Table table = TableOf("scores", results);
  EXPECT_THAT(table.rows[0][2], testing::EndsWith(" (1 paradigms, 100 pairs)"));
  EXPECT_EQ(table.rows[0][5], "-");
  EXPECT_FALSE(table.strong.contains({0, 2}));
}

TEST(PartsTest, TimesAreShownByStageBesideThePublishedHours) {
  Results results = TwoPathRun();
  EXPECT_THAT(TableOf("times", results).rows, IsEmpty());
  ModelResult* composite = Find(&results, "c");
  composite->stage_1_seconds = 60, composite->stage_2_seconds = 40, composite->seconds = 105,
  composite->in_turn_seconds = 145;
  composite->tokens_per_second = 20000;
  const Table table = TableOf("times", results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "1 min 00 s", "40 s", "1 min 45 s",
                                         "2 min 25 s", "20.0 k"));
  EXPECT_THAT(*RowOf(table, "composites"),
              ElementsAre("composites", "", "3.50 h", "4.35 h", "7.85 h", "9.35 h", "34.9 k"));
}

// Where decisions are drawn there are two passes, and each has its name.
TEST(PartsTest, RoutingOfAModelThatDrawsNoiseNamesBothPasses) {
  Results results = TwoPathRun();
  ModelResult* model = Find(&results, "c");
  SetRouting(model, {48.3, 50.0, 1.7}, 40);
  Routing& routing = Measured<Routing>(&results, "c");
  routing.clean = *routing.summary;
  routing.text["tales"] = routing.clean_text["tales"] = *routing.summary;
  routing.prompts = {{"Once", 1, {{1, 3}}, {{1, 1}}}};
  const auto names = [&] {
    std::vector<std::string> over;
    for (const auto& row : TableOf("routing", results).rows) {
      if (row[0] == "c") over.push_back(row[2]);
    }
    return over;
  };
  routing.noisy = true;
  EXPECT_THAT(names(),
              ElementsAre("the prompts, with noise", "the prompts, without noise",
                          testing::EndsWith(", with noise"), testing::EndsWith(", without noise")));
  const Table prompts = TableOf("routing", results, "Decisions by prompt");
  ASSERT_EQ(prompts.columns.size(), 4u);
  EXPECT_EQ(prompts.columns[2].title, "c, with noise");
  EXPECT_EQ(prompts.columns[3].title, "c, without noise");
  EXPECT_THAT(prompts.rows, ElementsAre(ElementsAre("Once", "1", "13", "11")));
  routing.noisy = false;  // one pass
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(TableOf("routing", results, "Decisions by prompt").columns.size(), 3u);
  routing.noisy.reset();  // an older evaluation
  EXPECT_THAT(names(), ElementsAre("the prompts", "the prompts, without noise", testing::_));
}

TEST(PartsTest, RoutingHasAColumnForEveryPathOfTheRun) {
  Results results = TwoPathRun();
  EXPECT_THAT(TableOf("routing", results).rows, IsEmpty());
  SetRouting(Find(&results, "c"), {48.3, 50.0, 1.7}, 40);
  ModelResult* three = AddComposite(&results, "three", "routed", 2.6);
  three->evaluation.spec->paths.push_back(three->evaluation.spec->paths.back());
  SetRouting(three, {20, 30, 40, 10}, 25);
  const Table table = TableOf("routing", results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "the prompts", "48.3", "50.0", "-",
                                         "1.7", "40.0 ± 12.0", "60"));
  Measured<Routing>(&results, "c").own_prompts = false;
  EXPECT_EQ(TableOf("routing", results).rows[0][2], "braid's prompts");
  EXPECT_THAT(table.rows[1], ElementsAre("three", "-", "the prompts", "20.0", "30.0", "40.0",
                                         "10.0", testing::StartsWith("25.0 ±"), "60"));
  EXPECT_THAT(*RowOf(table, "Gumbel_MoE_2"), ElementsAre("Gumbel_MoE_2", "", "20 prompts", "23.0",
                                                         "70.0", "-", "7.0", "46.5", "60"));
}

TEST(PartsTest, DecisionsAreOneDigitALayer) {
  Results results = TwoPathRun();
  SetRouting(Find(&results, "c"), {50, 50, 0}, 50);
  Measured<Routing>(&results, "c").prompts.resize(2);
  Measured<Routing>(&results, "c").prompts[1].decisions = {{1, 12, 1}};
  EXPECT_THAT(
      TableOf("routing", results, "Decisions by prompt").rows,
      ElementsAre(ElementsAre("prompt 0", "1", "121"), ElementsAre("prompt 1", "1", "1,12,1")));
}

TEST(PartsTest, GlueTasksShowTheSpreadOfTheirSeeds) {
  Results results = TwoPathRun();
  Glue glue;
  glue.tasks["cola"] = {OfSeeds(20, 3, 5), 3, "Matthews correlation", 5};
  glue.tasks["qqp"] = {{70}, -1, "F1", 1};
  Measured<Glue>(&results, "c") = glue;
  EXPECT_THAT(TableOf("scores", results, "GLUE and SuperGLUE by task").rows,
              ElementsAre(ElementsAre("cola", "Matthews correlation", "20.00 ± 3.00 (5)"),
                          ElementsAre("qqp", "F1", "70.00 (1)")));
}

TEST(PartsTest, ParadigmsOfSeveralModelsAreOneTable) {
  Results results = TwoPathRun();
  Measured<Blimp>(&results, "c") = Blimp{{60, 1}, {{"island", 60}}, 1000};
  Measured<Blimp>(&results, "dense") = Blimp{{70, 1}, {{"island", 65}, {"passive", 75}}, 2000};
  EXPECT_THAT(
      TableOf("scores", results, "BLiMP by paradigm").rows,
      ElementsAre(ElementsAre("island", "60.0", "65.0"), ElementsAre("passive", "-", "75.0")));
}

TEST(PartsTest, ArmsShowBothAccountings) {
  Results results = TwoPathRun();
  EXPECT_THAT(TableOf("dual_arms", results).rows, IsEmpty());
  results.models.push_back(Model("wide", Role::kDense, 2.9));
  results.models.back().evaluation.spec = DenseSpec("wide");
  results.models.push_back(Model("dual", Role::kDense, 2.8));
  results.models.back().evaluation.spec = DenseSpec("dual_path");
  const Table table = TableOf("dual_arms", results);
  // A of a wide block: 8 d^2 + 6 d f = 8 64^2 + 6 64 640; B adds 2 T d; the model has four blocks
  // and the head, 2 V d.
  EXPECT_THAT(table.rows[0], ElementsAre("wide", "wide", "4", "-", "-", "640", "2.00 M", "2.9000",
                                         "278.5 k", "282.6 k", "1.13 M", "1.14 M"));
  // Deep and wide attention and feed-forward, K = 2, gates 4 d and routers 2 K (d + 1) or less.
  EXPECT_EQ(table.rows[1][5], "340");
  EXPECT_THAT(Column(table, 3), ElementsAre("-", "2"));
}

TEST(PartsTest, InterventionsAreShownByCorpus) {
  Results results = TwoPathRun();
  Measured<Dual>(&results, "dense").interventions = {
      {.name = "deep only", .gates = Word("deep"), .loss = {{"all", 7}}, .change = {{"all", 4}}},
      {.name = "K = 1", .loops = 1, .change = {{"stories", 0.5}}}};
  EXPECT_THAT(TableOf("dual_paths", results).rows,
              ElementsAre(ElementsAre("deep only", "7.0000", "+4.000", "-", "-"),
                          ElementsAre("K = 1", "-", "-", "-", "+0.500")));
}

TEST(PartsTest, ReadOutsOfOneClassAreAveragedOverBlocks) {
  const std::vector<ReadOut> rows = {{{{"corpus", "s"}, {"class", "NUM"}, {"place", "blocks.0"}},
                                      {{"deep_share", 0.2}, {"tokens", 10}}},
                                     {{{"corpus", "s"}, {"class", "NUM"}, {"place", "blocks.1"}},
                                      {{"deep_share", 0.6}, {"tokens", 10}}},
                                     {{{"corpus", "s"}, {"class", "WORD"}, {"place", "blocks.0"}},
                                      {{"deep_share", 0.3}, {"tokens", 90}}}};
  Results results = TwoPathRun();
  Measured<Dual>(&results, "dense").layers = rows;
  Measured<Dual>(&results, "dense").readouts = rows;
  EXPECT_THAT(
      TableOf("dual_paths", results, "Read-outs of dense by corpus and class of tokens").rows,
      ElementsAre(ElementsAre("s", "NUM", "0.400", "10"), ElementsAre("s", "WORD", "0.300", "90")));
  EXPECT_THAT(TableOf("dual_paths", results, "Read-outs of dense by block").rows, SizeIs(3));
}

// Where sentences would be too many, there is a table.
TEST(PartsTest, DifferencesAreOfTheCompositeLessTheOther) {
  Results results = TwoPathRun();
  for (const char* name : {"d", "e", "f", "g", "h"}) AddComposite(&results, name, "slice", 2.3);
  EXPECT_THAT(TableOf("comparisons", results).rows, IsEmpty());
  EXPECT_THAT(SectionOf("comparisons", results).blocks(), SizeIs(12));
  AddComposite(&results, "i", "slice", 2.2);
  const Table table = TableOf("comparisons", results);
  ASSERT_THAT(table.rows, SizeIs(7));
  EXPECT_THAT(table.rows[0], ElementsAre("c", "-5.4000", "+0.2000", "-1.9000"));
  EXPECT_THAT(table.rows[1], ElementsAre("d", "-3.7000", "-0.1000", "-2.2000"));
}

TEST(PartsTest, MergesShowTheirProofsAndLosses) {
  Results results = TwoPathRun();
  results.merges["c"] = {{"path_1", "path_2"}, CompositeSpec("slice"), 42, 30, 12, 0, "bit-equal"};
  results.gates["c"].hidden_states = "bit-equal";
  results.gates["c"].logits_max_difference = 3e-6;
  EXPECT_THAT(
      TableOf("merges", results).rows,
      ElementsAre(ElementsAre("c", "path_1, path_2", "slice", "30", "12", "0", "bit-equal",
                              "bit-equal", "3.0e-06", "5.0000, 4.5000", "8.0000", "2.6000")));
}

TEST(PartsTest, SamplesAreGroupedByPromptWithTheirNextTokens) {
  Results results = TwoPathRun();
  const Json next = {{{"token", " a"}, {"probability", 0.5}},
                     {{"token", " the"}, {"probability", 0.25}}};
  ASSERT_TRUE(ReadField("samples",
                        {{{"prompt", "Once"}, {"text", " upon"}, {"next", next}},
                         {{"prompt", "Then"}, {"text", " he"}}},
                        Find(&results, "c"))
                  .ok());
  ASSERT_TRUE(ReadField("samples", Json::array({{{"prompt", "Once"}, {"text", " more"}}}),
                        Find(&results, "dense"))
                  .ok());
  const Table table = TableOf("samples", results);
  EXPECT_THAT(table.rows,
              ElementsAre(ElementsAre("c", " upon", "\" a\" 50 %, \" the\" 25 %"),
                          ElementsAre("dense", " more", ""), ElementsAre("c", " he", "")));
  EXPECT_EQ(table.groups[1].first, 2u);
  EXPECT_EQ(table.groups[1].title, "Then");
}

TEST(PartsTest, TheLowestLossIsPointedOut) {
  const Table table = TableOf("losses", TwoPathRun());
  EXPECT_EQ(table.strong, (std::set<std::pair<size_t, size_t>>{{4, 2}}));
}

TEST(PartsTest, ClaimsAreGrouped) {
  Finding one{"A holds.", "PaPaformer", "1 against 2", "a", Verdict::kHolds, "3"};
  Finding two = one;
  two.subject = "b";
  two.verdict = Verdict::kUndecided;
  Document section("claims");
  for (const Part& part : Parts()) {
    if (part.name == std::string("claims")) part.add_to_report({Results(), {one, two}}, &section);
  }
  const Table& table = section.blocks().back().table;
  EXPECT_THAT(table.groups, SizeIs(1));
  EXPECT_EQ(table.groups[0].title, "A holds. (PaPaformer: 1 against 2)");
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("a", "holds in this one training", "3"),
                                      ElementsAre("b", "undecided in this one training", "3")));
}

TEST(PartsTest, EveryPartAndEveryFieldIsThereOnce) {
  std::set<std::string> parts, fields;
  for (const Part& part : Parts()) EXPECT_TRUE(parts.insert(part.name).second) << part.name;
  for (const EvaluationField& field : EvaluationFields())
    EXPECT_TRUE(fields.insert(field.name).second) << field.name;
  EXPECT_THAT(fields, ElementsAre("blimp", "dual", "glue", "next_token", "routing", "samples"));
}

// A run for which nothing was measured: no part may ask for what is not there.
TEST(PartsTest, NoPartNeedsAMeasurement) {
  Results results = TwoPathRun();
  for (ModelResult& model : results.models) model.evaluation = {};
  results.merges.clear();
  const Report report{results, {}};
  EXPECT_THAT(ToMarkdown(FullDocument(report)), testing::HasSubstr("| dense"));
  EXPECT_THAT(ToMarkdown(SummaryDocument(report)), testing::HasSubstr("| dense"));
  EXPECT_EQ(ReportJson(report)["models"][0]["samples"], Json::array());
}

}  // namespace
}  // namespace braid::report
