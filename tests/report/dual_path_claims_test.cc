// Claims of the dual-path paper.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/input/dual.h"
#include "tests/report/findings.h"

namespace braid::report {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Arms of nearly equal cost by A, and what was done to the dual-path one.
Results Arms(double wide, double loop, double dual) {
  Results results;
  results.corpora = {"all"};
  for (const auto& [name, loss] : {std::pair{"wide", wide}, {"loop", loop}, {"dual_path", dual}}) {
    results.models.push_back(Model(name, Role::kDense, loss));
    results.models.back().evaluation.spec = DenseSpec(name);
  }
  return results;
}

void Intervene(Results* results, const std::string& gates, int64_t loops, double change,
               const std::string& token_class = "") {
  Measured<Dual>(results, "dual_path")
      .interventions.push_back({gates + (loops > 0 ? " K = " + std::to_string(loops) : ""),
                                loops,
                                FromName<spec::GateRule>(gates),
                                /*gate_values=*/false,
                                token_class,
                                {},
                                {{"all", change}}});
}

TEST(DualPathClaimsTest, ArmsAreDecidedByTheirLosses) {
  EXPECT_EQ(One(Arms(3.0, 3.1, 2.9), "a dual-path model is better").verdict, Verdict::kHolds);
  EXPECT_EQ(One(Arms(3.0, 3.1, 3.1), "a dual-path model is better").verdict, Verdict::kDoesNotHold);
  EXPECT_EQ(One(Arms(3.0, 3.1, 3.001), "a dual-path model is better").verdict, Verdict::kUndecided);
  EXPECT_EQ(One(Arms(3.0, 3.1, 2.9), "a model that only loops is worse").verdict, Verdict::kHolds);
  EXPECT_EQ(One(Arms(3.0, 2.9, 2.9), "a model that only loops is worse").verdict,
            Verdict::kDoesNotHold);
  EXPECT_THAT(One(Arms(3.0, 3.1, 2.9), "a dual-path model is better").reason,
              HasSubstr("dual_path and wide have losses 2.9000 against 3.0000, 0.1000 lower"));
}

TEST(DualPathClaimsTest, ArmsOfOtherCostOrOtherTokensAreNotCompared) {
  Results results = Arms(3.0, 3.1, 2.9);
  Find(&results, "dual_path")->evaluation.spec->dense.dual.ffn_wide = 2000;
  EXPECT_EQ(One(results, "a dual-path model is better").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "a dual-path model is better").reason,
              HasSubstr("no dual-path model here costs as much within 5 %"));
  results = Arms(3.0, 3.1, 2.9);
  Find(&results, "dual_path")->evaluation.spec->dense.dual.scale_init = 0;  // another start
  EXPECT_EQ(One(results, "a dual-path model is better").verdict, Verdict::kUndecided);
  results = Arms(3.0, 3.1, 2.9);
  Find(&results, "loop")->tokens = 1;
  EXPECT_EQ(One(results, "a model that only loops is worse").verdict, Verdict::kUndecided);
}

TEST(DualPathClaimsTest, TheBestOfSeveralDualArmsStandsForThem) {
  Results results = Arms(3.0, 3.1, 2.9);
  results.models.push_back(results.models[2]);
  results.models.back().name = "dual_better";
  SetLoss(&results.models.back(), 2.8);
  EXPECT_EQ(One(results, "a dual-path model is better").subject, "dual_better and wide");
  EXPECT_THAT(One(results, "a dual-path model is better").reason,
              HasSubstr("the best of 2 dual-path arms"));
}

TEST(DualPathClaimsTest, BothPathsAreNeededIfEitherIsMissed) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "deep", 0, 4.0);
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "Both paths are needed").reason,
              HasSubstr("needs the interventions gates: deep and gates: wide"));
  Intervene(&results, "wide", 0, -1.0);
  Measured<Dual>(&results, "dual_path").interventions.back().partial = true;  // says
                                                                              // nothing of
                                                                              // all layers
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kUndecided);
  Intervene(&results, "wide", 0, 3.0);
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kHolds);
  EXPECT_THAT(One(results, "Both paths are needed").reason,
              HasSubstr("wide on all text changes the loss by +3.000"));
  Intervene(&results, "wide", 0, -0.1);
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kDoesNotHold);
}

// With the residual's scale kept an intervention says something else.
TEST(DualPathClaimsTest, KeptSumsAreJudgedApart) {
  Results results = Arms(3.0, 3.1, 2.9);
  const auto intervene = [&](const std::string& gates, double change, const std::string& classes,
                             bool control, bool keep_sum) {
    Intervene(&results, gates, 0, change, classes);
    Intervention& made = Measured<Dual>(&results, "dual_path").interventions.back();
    made.control = control;
    made.keep_sum = keep_sum;
  };
  intervene("deep", 5.0, "", false, false);
  intervene("wide", 5.0, "", false, false);
  intervene("wide", -0.2, "", false, true);
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kHolds);
  intervene("wide", 0.4, "NUM, SYM", false, false);
  intervene("wide", 0.2, "NUM, SYM", true, false);
  intervene("wide", 0.15, "NUM, SYM", false, true);
  intervene("wide", 0.05, "NUM, SYM", true, true);
  EXPECT_EQ(One(results, "Numbers and symbols need").verdict, Verdict::kHolds);
  EXPECT_THAT(One(results, "Numbers and symbols need").reason, HasSubstr("costs +0.200 more"));
  EXPECT_THAT(One(results, "Numbers and symbols need").reason,
              HasSubstr("with the scale of the residual kept, wide costs +0.100 more"));
  EXPECT_THAT(One(results, "verbs need the wide path").reason, HasSubstr("needs tagged text"));
  intervene("deep", 0.3, "ADJ, VERB", false, false);
  intervene("deep", 0.2, "ADJ, VERB", true, false);
  EXPECT_EQ(One(results, "verbs need the wide path").verdict, Verdict::kHolds);
}

// A composite at 4096 dimensions of a head costs what the head costs: blocks that differ must not
// pass for equal.
TEST(DualPathClaimsTest, ArmsAreComparedByTheirBlocksWithoutTheHead) {
  Results results = Arms(3.0, 3.1, 2.9);
  for (ModelResult& model : results.models) model.evaluation.spec->vocab = 1'000'000;
  EXPECT_EQ(One(results, "a dual-path model is better").verdict, Verdict::kHolds);
  Find(&results, "dual_path")->evaluation.spec->dense.dual.ffn_wide = 500;
  EXPECT_THAT(One(results, "a dual-path model is better").reason,
              HasSubstr("no dual-path model here costs as much within 5 %"));
}

TEST(DualPathClaimsTest, AnInterventionOnAClassOfTokensDecidesNothingForAll) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "deep", 0, 4.0);
  Intervene(&results, "wide", 0, 3.0);
  Intervene(&results, "wide", 0, -0.5, "NUM");
  EXPECT_EQ(One(results, "Both paths are needed").verdict, Verdict::kHolds);
}

TEST(DualPathClaimsTest, LoopsExtrapolateIfMoreStepsLowerTheLoss) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "learned", 1, 0.4);
  EXPECT_EQ(One(results, "do not extrapolate").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "do not extrapolate").reason,
              HasSubstr("needs an intervention with loops above 2"));
  EXPECT_EQ(One(results, "Every trained step").verdict, Verdict::kHolds);
  Intervene(&results, "learned", 3, 0.001);
  EXPECT_EQ(One(results, "do not extrapolate").verdict, Verdict::kUndecided);
  Measured<Dual>(&results, "dual_path").interventions.pop_back();
  Intervene(&results, "learned", 3, 0.05);
  EXPECT_EQ(One(results, "do not extrapolate").verdict, Verdict::kHolds);
  Intervene(&results, "learned", 4, -0.05);
  EXPECT_EQ(One(results, "do not extrapolate").verdict, Verdict::kDoesNotHold);
  EXPECT_THAT(One(results, "do not extrapolate").reason,
              HasSubstr("trained with K = 2; at best, learned K = 4"));
}

TEST(DualPathClaimsTest, StepsAreJudgedWithTheGatesAsLearned) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "deep", 1, 2.0);
  Intervene(&results, "deep", 3, -0.5);
  EXPECT_EQ(One(results, "Every trained step").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "do not extrapolate").reason,
              HasSubstr("needs an intervention with loops above 2"));
}

TEST(DualPathClaimsTest, ShuffledGatesThatChangeNothingDecideNothing) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "shuffled", 0, 0.004);
  EXPECT_EQ(One(results, "gates choose by token").verdict, Verdict::kUndecided);
}

TEST(DualPathClaimsTest, LayersAreReadFromTheMiddleToTheEnd) {
  Results results = Arms(3.0, 3.1, 2.9);
  Dual& dual = Measured<Dual>(&results, "dual_path");
  for (const double share : {0.45, 0.3, 0.35}) dual.layers.push_back({{}, {{"deep_share", share}}});
  EXPECT_THAT(One(results, "Middle layers").reason,
              HasSubstr("needs the deep share of four layers or more; 3 were read out"));
  dual.layers.push_back({{}, {{"deep_share", 0.55}}});
  EXPECT_EQ(One(results, "Middle layers").verdict, Verdict::kHolds);
  dual.layers.back().values["deep_share"] = 0.1;
  EXPECT_EQ(One(results, "Middle layers").verdict, Verdict::kDoesNotHold);
  dual.layers.back().values["deep_share"] = 0.31;
  EXPECT_EQ(One(results, "Middle layers").verdict, Verdict::kUndecided);
}

ReadOut Cell(const std::string& corpus, const std::string& of, const std::string& place,
             double share, double tokens) {
  return {{{"corpus", corpus}, {"class", of}, {"place", place}},
          {{"deep_share", share}, {"tokens", tokens}}};
}

TEST(DualPathClaimsTest, ClassesAreWeighedByTheirTokens) {
  Results results = Arms(3.0, 3.1, 2.9);
  Dual& dual = Measured<Dual>(&results, "dual_path");
  dual.readouts = {Cell("tales", "WORD", "blocks.0", 0.4, 90),
                   Cell("tales", "PUNCT", "blocks.0", 0.9, 1)};
  EXPECT_EQ(One(results, "Layout and symbols").verdict, Verdict::kHolds);
  dual.readouts.push_back(Cell("tales", "SPACE", "blocks.0", 0.1, 99));
  EXPECT_EQ(One(results, "Layout and symbols").verdict, Verdict::kDoesNotHold);
  EXPECT_THAT(One(results, "Layout and symbols").reason,
              HasSubstr("0.11 of SPACE, PUNCT and SYM, 0.40 of WORD"));
  dual.readouts = {Cell("tales", "WORD", "blocks.0", 0.4, 90)};
  EXPECT_THAT(One(results, "Layout and symbols").reason,
              HasSubstr("needs read-outs of words, and of layout or symbols"));
}

TEST(DualPathClaimsTest, AForcedClassIsComparedWithItsControl) {
  Results results = Arms(3.0, 3.1, 2.9);
  Intervene(&results, "wide", 0, 0.3, "NUM");
  EXPECT_THAT(One(results, "Numbers and symbols need").reason,
              HasSubstr("and the same with control: true"));
  Intervene(&results, "wide", 0, 0.1, "NUM");
  Measured<Dual>(&results, "dual_path").interventions.back().control = true;
  EXPECT_EQ(One(results, "Numbers and symbols need").verdict, Verdict::kHolds);
  EXPECT_THAT(One(results, "Numbers and symbols need").reason, HasSubstr("costs +0.200 more"));
  Measured<Dual>(&results, "dual_path").interventions.back().change["all"] = 0.4;
  EXPECT_EQ(One(results, "Numbers and symbols need").verdict, Verdict::kDoesNotHold);
}

TEST(DualPathClaimsTest, GatesAreReadFromTheFirstLayersToTheLast) {
  Results results = Arms(3.0, 3.1, 2.9);
  Dual& dual = Measured<Dual>(&results, "dual_path");
  EXPECT_THAT(One(results, "Gates are balanced").reason,
              HasSubstr("needs the gates of four layers or more; 0 were read out"));
  // In the last layer half of the tokens are at (1, 0) and half at (0, 1): the mean gates are
  // equal, the gates of a token are not.
  for (const double gap : {0.1, 0.1, 0.2, 1.0})
    dual.layers.push_back({{}, {{"gate_deep", 0.5}, {"gate_wide", 0.5}, {"gate_gap", gap}}});
  EXPECT_EQ(One(results, "Gates are balanced").verdict, Verdict::kHolds);
  dual.layers.back().values["gate_gap"] = 0.12;
  EXPECT_EQ(One(results, "Gates are balanced").verdict, Verdict::kUndecided);
}

TEST(DualPathClaimsTest, WhatACorpusIsAboutIsForTheReader) {
  Results results = Arms(3.0, 3.1, 2.9);
  Dual& dual = Measured<Dual>(&results, "dual_path");
  EXPECT_THAT(One(results, "Late layers are deeper").reason,
              HasSubstr("needs read-outs of two corpora"));
  dual.layers = {{{{"place", "blocks.0"}}, {}}, {{{"place", "blocks.1"}}, {}}};
  dual.readouts = {Cell("tales", "WORD", "blocks.1", 0.4, 10),
                   Cell("sums", "NUM", "blocks.1", 0.6, 10),
                   Cell("sums", "NUM", "blocks.0", 0.1, 10)};
  EXPECT_EQ(One(results, "Late layers are deeper").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "Late layers are deeper").reason,
              HasSubstr("0.60 on sums, 0.40 on tales"));
  results.models.push_back(results.models[2]);
  results.models.back().name = "dual_better";
  EXPECT_EQ(One(results, "suit arithmetic").verdict, Verdict::kUndecided);
}

TEST(DualPathClaimsTest, AModelThatOnlyLoopsIsAskedForItsStepsAlone) {
  Results results = Arms(3.0, 3.1, 2.9);
  Measured<Dual>(&results, "loop") = Dual();
  EXPECT_THAT(About(results, "Both paths are needed"), IsEmpty());
  EXPECT_EQ(One(results, "do not extrapolate").subject, "loop");
}

}  // namespace
}  // namespace braid::report
