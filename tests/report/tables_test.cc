#include "report/tables/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/tables/next_token_table.h"
#include "tests/report/fabricated.h"
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

TEST(TablesTest, CounterpartsFollowRoleConnectionAndWidth) {
  Results results = TwoPathRun();
  Find(&results, "dense")->evaluation.spec = DenseSpec("llama", 64);
  ModelResult* narrow = &results.models.emplace_back(Model("narrow", "dense", 2.5));
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
TEST(TablesTest, CompositesTrainedFromScratchHaveCounterpartsToo) {
  Results results;
  results.models = {Model("share", "composite_scratch", 2.6), Model("dense", "dense", 2.4),
                    Model("path_1", "dense", 3.0)};
  results.models[0].evaluation.spec = CompositeSpec("share");
  results.models[1].evaluation.spec = DenseSpec("llama", 48);
  results.models[2].evaluation.spec = DenseSpec("llama", 32);
  EXPECT_EQ(CounterpartOf(results, results.models[0]), "Share_Linear");
  EXPECT_EQ(CounterpartOf(results, results.models[1]), "LLaMA_192");
  EXPECT_EQ(CounterpartOf(results, results.models[2]), "-");
  EXPECT_EQ(RoleName(results.models[0]), "composite, from scratch");
  SetRouting(&results.models[0], {23, 70, 7}, 46);
  EXPECT_THAT(RoutingTable(results).rows[0],
              ElementsAre("share", "Share_Linear", "the prompts", "23.0", "70.0", "7.0",
                          testing::StartsWith("46.0 ±"), "60"));
}

TEST(TablesTest, ScoresStandAboveThePublishedOnesWithTheirIntervals) {
  Results results = TwoPathRun();
  EXPECT_THAT(ScoreTable(results).rows, IsEmpty());
  SetScores(Find(&results, "c"), 60);
  SetScores(Find(&results, "dense"), 59);
  const Table table = ScoreTable(results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "60.00 ± 0.37", "60.00 ± 0.62",
                                         "60.00 ± 0.62", "60.00 ± 0.26"));
  EXPECT_TRUE(table.strong.contains({0, 5}));
  EXPECT_THAT(*RowOf(table, "Share_Linear"),
              ElementsAre("Share_Linear", "", "63.20", "58.60", "56.40", "59.40"));
  EXPECT_THAT(table.groups, SizeIs(3));
  EXPECT_THAT(ScoreTable(results, /*with_published=*/false).rows, SizeIs(2));
}

TEST(TablesTest, PartsOfAScoreThatAreMissingAreDashes) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "c"), 60);
  Find(&results, "c")->evaluation.glue->superglue.reset();
  EXPECT_THAT(ScoreTable(results).rows[0],
              ElementsAre("c", "Share_Linear", "60.00 ± 0.37", "60.00 ± 0.62", "-", "-"));
}

TEST(TablesTest, APartOfBlimpIsMarkedAndNotCompared) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "c"), 60);
  SetScores(Find(&results, "dense"), 59);
  Find(&results, "c")->evaluation.blimp->paradigms["island"] = 60;
  Find(&results, "c")->evaluation.blimp->pairs = 100;
  const Table table = ScoreTable(results);
  EXPECT_THAT(table.rows[0][2], testing::EndsWith(" (1 paradigms, 100 pairs)"));
  EXPECT_EQ(table.rows[0][5], "-");
  EXPECT_FALSE(table.strong.contains({0, 2}));
}

TEST(TablesTest, TimesAreShownByStageBesideThePublishedHours) {
  Results results = TwoPathRun();
  EXPECT_THAT(TimesTable(results).rows, IsEmpty());
  ModelResult* composite = Find(&results, "c");
  composite->stage_1_seconds = 60, composite->stage_2_seconds = 40, composite->seconds = 105,
  composite->in_turn_seconds = 145;
  composite->tokens_per_second = 20000;
  const Table table = TimesTable(results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "1 min 00 s", "40 s", "1 min 45 s",
                                         "2 min 25 s", "20.0 k"));
  EXPECT_THAT(*RowOf(table, "composites"),
              ElementsAre("composites", "", "3.50 h", "4.35 h", "7.85 h", "9.35 h", "34.9 k"));
}

// Where decisions are drawn there are two passes, and each has its name.
TEST(TablesTest, RoutingOfAModelThatDrawsNoiseNamesBothPasses) {
  Results results = TwoPathRun();
  ModelResult* model = Find(&results, "c");
  SetRouting(model, {48.3, 50.0, 1.7}, 40);
  Routing& routing = *model->evaluation.routing;
  routing.clean = *routing.summary;
  routing.text["tales"] = routing.clean_text["tales"] = *routing.summary;
  routing.prompts = {{"Once", 1, {{1, 3}}, {{1, 1}}}};
  const auto names = [&] {
    std::vector<std::string> over;
    for (const auto& row : RoutingTable(results).rows) {
      if (row[0] == "c") over.push_back(row[2]);
    }
    return over;
  };
  routing.noisy = true;
  EXPECT_THAT(names(),
              ElementsAre("the prompts, with noise", "the prompts, without noise",
                          testing::EndsWith(", with noise"), testing::EndsWith(", without noise")));
  const Table prompts = PromptTable(results);
  ASSERT_EQ(prompts.columns.size(), 4u);
  EXPECT_EQ(prompts.columns[2].title, "c, with noise");
  EXPECT_EQ(prompts.columns[3].title, "c, without noise");
  EXPECT_THAT(prompts.rows, ElementsAre(ElementsAre("Once", "1", "13", "11")));
  routing.noisy = false;  // one pass
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(PromptTable(results).columns.size(), 3u);
  routing.noisy.reset();  // an older evaluation
  EXPECT_THAT(names(), ElementsAre("the prompts", "the prompts, without noise", testing::_));
}

TEST(TablesTest, RoutingHasAColumnForEveryPathOfTheRun) {
  Results results = TwoPathRun();
  EXPECT_THAT(RoutingTable(results).rows, IsEmpty());
  SetRouting(Find(&results, "c"), {48.3, 50.0, 1.7}, 40);
  ModelResult* three = AddComposite(&results, "three", "routed", 2.6);
  three->evaluation.spec->paths.push_back(three->evaluation.spec->paths.back());
  SetRouting(three, {20, 30, 40, 10}, 25);
  const Table table = RoutingTable(results);
  EXPECT_THAT(table.rows[0], ElementsAre("c", "Share_Linear", "the prompts", "48.3", "50.0", "-",
                                         "1.7", "40.0 ± 12.0", "60"));
  Find(&results, "c")->evaluation.routing->own_prompts = false;
  EXPECT_EQ(RoutingTable(results).rows[0][2], "braid's prompts");
  EXPECT_THAT(table.rows[1], ElementsAre("three", "-", "the prompts", "20.0", "30.0", "40.0",
                                         "10.0", testing::StartsWith("25.0 ±"), "60"));
  EXPECT_THAT(*RowOf(table, "Gumbel_MoE_2"), ElementsAre("Gumbel_MoE_2", "", "20 prompts", "23.0",
                                                         "70.0", "-", "7.0", "46.5", "60"));
}

TEST(TablesTest, DecisionsAreOneDigitALayer) {
  Results results = TwoPathRun();
  SetRouting(Find(&results, "c"), {50, 50, 0}, 50);
  Find(&results, "c")->evaluation.routing->prompts.resize(2);
  Find(&results, "c")->evaluation.routing->prompts[1].decisions = {{1, 12, 1}};
  EXPECT_THAT(PromptTable(results).rows, ElementsAre(ElementsAre("prompt 0", "1", "121"),
                                                     ElementsAre("prompt 1", "1", "1,12,1")));
}

TEST(TablesTest, GlueTasksShowTheSpreadOfTheirSeeds) {
  Results results = TwoPathRun();
  Glue glue;
  glue.tasks["cola"] = {OfSeeds(20, 3, 5), 3, "Matthews correlation", 5};
  glue.tasks["qqp"] = {{70}, -1, "F1", 1};
  Find(&results, "c")->evaluation.glue = glue;
  EXPECT_THAT(GlueTable(results).rows,
              ElementsAre(ElementsAre("cola", "Matthews correlation", "20.00 ± 3.00 (5)"),
                          ElementsAre("qqp", "F1", "70.00 (1)")));
}

TEST(TablesTest, ParadigmsOfSeveralModelsAreOneTable) {
  Results results = TwoPathRun();
  Find(&results, "c")->evaluation.blimp = Blimp{{60, 1}, {{"island", 60}}, 1000};
  Find(&results, "dense")->evaluation.blimp = Blimp{
      {70, 1}, {{"island", 65}, {"passive", 75}}, 2000};
  EXPECT_THAT(ParadigmTable(results).rows, ElementsAre(ElementsAre("island", "60.0", "65.0"),
                                                       ElementsAre("passive", "-", "75.0")));
}

TEST(TablesTest, ArmsShowBothAccountings) {
  Results results = TwoPathRun();
  EXPECT_THAT(ArmTable(results).rows, IsEmpty());
  results.models.push_back(Model("wide", "dense", 2.9));
  results.models.back().evaluation.spec = DenseSpec("wide");
  results.models.push_back(Model("dual", "dense", 2.8));
  results.models.back().evaluation.spec = DenseSpec("dual_path");
  const Table table = ArmTable(results);
  // A of a wide block: 8 d^2 + 6 d f = 8 64^2 + 6 64 640; B adds 2 T d; the model has four blocks
  // and the head, 2 V d.
  EXPECT_THAT(table.rows[0], ElementsAre("wide", "wide", "4", "-", "-", "640", "2.00 M", "2.9000",
                                         "278.5 k", "282.6 k", "1.13 M", "1.14 M"));
  // Deep and wide attention and feed-forward, K = 2, gates 4 d and routers 2 K (d + 1) or less.
  EXPECT_EQ(table.rows[1][5], "340");
  EXPECT_THAT(Column(table, 3), ElementsAre("-", "2"));
}

TEST(TablesTest, InterventionsAreShownByCorpus) {
  Dual dual;
  dual.interventions = {{"deep only", 0, "deep", "", {{"all", 7}}, {{"all", 4}}},
                        {"K = 1", 1, "", "", {}, {{"stories", 0.5}}}};
  EXPECT_THAT(InterventionTable(dual).rows,
              ElementsAre(ElementsAre("deep only", "7.0000", "+4.000", "-", "-"),
                          ElementsAre("K = 1", "-", "-", "-", "+0.500")));
}

TEST(TablesTest, ReadOutsOfOneClassAreAveragedOverBlocks) {
  const std::vector<ReadOut> rows = {{{{"corpus", "s"}, {"class", "NUM"}, {"place", "blocks.0"}},
                                      {{"deep_share", 0.2}, {"tokens", 10}}},
                                     {{{"corpus", "s"}, {"class", "NUM"}, {"place", "blocks.1"}},
                                      {{"deep_share", 0.6}, {"tokens", 10}}},
                                     {{{"corpus", "s"}, {"class", "WORD"}, {"place", "blocks.0"}},
                                      {{"deep_share", 0.3}, {"tokens", 90}}}};
  EXPECT_THAT(
      ReadOutTable(MeanOverBlocks(rows)).rows,
      ElementsAre(ElementsAre("s", "NUM", "0.400", "10"), ElementsAre("s", "WORD", "0.300", "90")));
  EXPECT_THAT(ReadOutTable(rows).rows, SizeIs(3));
}

TEST(TablesTest, DifferencesAreOfTheCompositeLessTheOther) {
  Results results = TwoPathRun();
  AddComposite(&results, "d", "slice", 2.3);
  EXPECT_THAT(DifferenceTable(results).rows,
              ElementsAre(ElementsAre("c", "-5.4000", "+0.2000", "-1.9000"),
                          ElementsAre("d", "-3.7000", "-0.1000", "-2.2000")));
}

TEST(TablesTest, MergesShowTheirProofsAndLosses) {
  Results results = TwoPathRun();
  results.merges["c"] = {{"path_1", "path_2"}, CompositeSpec("slice"), 42, 30, 12, 0, "bit-equal"};
  results.gates["c"].hidden_states = "bit-equal";
  results.gates["c"].logits_max_difference = 3e-6;
  EXPECT_THAT(
      MergeTable(results).rows,
      ElementsAre(ElementsAre("c", "path_1, path_2", "slice", "30", "12", "0", "bit-equal",
                              "bit-equal", "3.0e-06", "5.0000, 4.5000", "8.0000", "2.6000")));
}

TEST(TablesTest, SamplesAreGroupedByPromptWithTheirNextTokens) {
  Results results = TwoPathRun();
  Find(&results, "c")->evaluation.samples = {{"Once", " upon", {{" a", 0.5}, {" the", 0.25}}},
                                             {"Then", " he", {}}};
  Find(&results, "dense")->evaluation.samples = {{"Once", " more", {}}};
  const Table table = SampleTable(results);
  EXPECT_THAT(table.rows,
              ElementsAre(ElementsAre("c", " upon", "\" a\" 50 %, \" the\" 25 %"),
                          ElementsAre("dense", " more", ""), ElementsAre("c", " he", "")));
  EXPECT_EQ(table.groups[1].first, 2u);
  EXPECT_EQ(table.groups[1].title, "Then");
}

TEST(TablesTest, TheLowestLossIsPointedOut) {
  const Table table = LossTable(TwoPathRun());
  EXPECT_EQ(table.strong, (std::set<std::pair<size_t, size_t>>{{4, 2}}));
}

TEST(TablesTest, ClaimsAreGrouped) {
  Finding one{"A holds.", "PaPaformer", "1 against 2", "a", Verdict::kHolds, "3"};
  Finding two = one;
  two.subject = "b";
  two.verdict = Verdict::kUndecided;
  const Table table = ClaimTable({one, two});
  EXPECT_THAT(table.groups, SizeIs(1));
  EXPECT_EQ(table.groups[0].title, "A holds. (PaPaformer: 1 against 2)");
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("a", "holds in this one training", "3"),
                                      ElementsAre("b", "undecided in this one training", "3")));
}

TEST(NextTokenTableTest, ARowAModelAndFile) {
  Results results;
  EXPECT_TRUE(NextTokenTable(results).rows.empty());
  NextToken::Text text;
  text.documents = 12;
  text.tokens = 3400;
  text.loss = {2.5, 0.0001, 11};
  text.bits_per_byte = {0.9};
  text.top1 = {41.25};
  text.top5 = 66.5;
  for (const char* name : {"dense", "composite", "path"}) results.models.push_back({name});
  results.models[0].evaluation.next_token = NextToken{16, 8, {{"a.txt", text}}, text};
  results.models[1].evaluation.next_token = NextToken{
      16, 8, {{"a.txt", text}, {"b.txt", text}}, text};
  const Table table = NextTokenTable(results);
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_EQ(table.rows[0], (std::vector<std::string>{"dense", "a.txt", "2.5000 ± 0.0220", "0.9000",
                                                     "41.25", "66.50", "3400", "12"}));
  EXPECT_EQ(table.rows[3][1], "all");
  const Json json = ToJson(*results.models[0].evaluation.next_token);
  EXPECT_EQ(json["files"]["a.txt"]["bits_per_byte"]["value"], 0.9);
  EXPECT_TRUE(json["files"]["a.txt"]["bits_per_byte"]["half_width"].is_null());
}

}  // namespace
}  // namespace braid::report
