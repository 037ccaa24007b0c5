// Claims about composites.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/findings.h"

namespace braid::report {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

void SetSpeed(Results* results, double critical, double work, double dense) {
  results->speed = {{"c", "dense", 2, critical, critical + 10, work, 1, dense, dense / 2}};
}

TEST(ClaimsTest, TokensThatAreNotKnownLeaveTheLossUndecided) {
  Results results = TwoPathRun();
  Find(&results, "c")->tokens = 0;
  EXPECT_EQ(One(results, "reaches a lower loss").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "reaches a lower loss").reason,
              HasSubstr("the tokens of c are not known"));
}

TEST(ClaimsTest, ALowerLossHoldsAHigherOneDoesNotAndEqualOnesDecideNothing) {
  Results results = TwoPathRun();
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kDoesNotHold);
  EXPECT_THAT(One(results, "lower loss").reason,
              HasSubstr("loss on all text 2.6000 against 2.4000, 0.2000 higher"));
  SetLoss(Find(&results, "c"), 2.3);
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kHolds);
  SetLoss(Find(&results, "c"), 2.396);
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "lower loss").reason, HasSubstr("up to 0.005 is called equal"));
  Find(&results, "c")->evaluation.losses.clear();
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "lower loss").reason, HasSubstr("no validation loss"));
}

TEST(ClaimsTest, TheHardestBaselineOfTheSameTokensIsTaken) {
  Results results = TwoPathRun();
  results.models.push_back(Model("harder", Role::kDense, 2.2));
  results.models.push_back(Model("on_more_tokens", Role::kDense, 1.0, 5'000'000));
  EXPECT_EQ(One(results, "lower loss").subject, "c and harder");
  std::erase_if(results.models,
                [](const ModelResult& m) { return m.name == "harder" || m.name == "dense"; });
  EXPECT_EQ(One(results, "lower loss").subject, "c and on_more_tokens");
  EXPECT_THAT(One(results, "lower loss").reason,
              HasSubstr("not on the same tokens: 1.00 M against 5.00 M"));
  // On more text a lower loss is no merit, on less a higher one no fault.
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kUndecided);
  SetLoss(Find(&results, "c"), 0.9);
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kHolds);
  Find(&results, "c")->tokens = 50'000'000;
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kUndecided);
}

TEST(ClaimsTest, ScoresAreDecidedByTheIntervalOfTheirDifference) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "dense"), 59.25);
  SetScores(Find(&results, "c"), 59.40);  // the published gap
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "scores higher").reason,
              HasSubstr("59.40 against 59.25, difference +0.15 ±"));
  SetScores(Find(&results, "c"), 62);
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kHolds);
  SetScores(Find(&results, "c"), 56);
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kDoesNotHold);
}

TEST(ClaimsTest, ScoresOfOneSeedDecideNothing) {
  Results results = TwoPathRun();
  SetScores(Find(&results, "dense"), 50);
  SetScores(Find(&results, "c"), 90);
  Measured<Glue>(&results, "c").glue = Estimate{90};
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "scores higher").reason,
              HasSubstr("no interval: evaluate GLUE with two or more seeds"));
}

TEST(ClaimsTest, WhatWasNotEvaluatedIsNamed) {
  Results results = TwoPathRun();
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kUndecided);
  EXPECT_EQ(One(results, "scores higher").reason,
            "c was not evaluated on all of BLiMP, all eight GLUE tasks, all three SuperGLUE tasks");
  SetScores(Find(&results, "c"), 60);
  SetScores(Find(&results, "dense"), 60);
  Measured<Glue>(&results, "dense").superglue.reset();
  EXPECT_EQ(One(results, "scores higher").reason,
            "dense was not evaluated on all three SuperGLUE tasks");
}

TEST(ClaimsTest, SizesAreComparedWhereTheyAreKnown) {
  Results results = TwoPathRun();
  EXPECT_EQ(One(results, "fewer parameters").verdict, Verdict::kDoesNotHold);
  Find(&results, "dense")->evaluation.parameters = 3'000'000;
  EXPECT_EQ(One(results, "fewer parameters").verdict, Verdict::kHolds);
  Find(&results, "dense")->evaluation.parameters = 0;
  EXPECT_EQ(One(results, "fewer parameters").verdict, Verdict::kUndecided);
}

TEST(ClaimsTest, TimesWithinFivePerCentDecideNothing) {
  Results results = TwoPathRun();
  EXPECT_EQ(One(results, "ready before").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "ready before").reason, HasSubstr("not part of this run"));
  SetSpeed(&results, 100, 260, 200);
  EXPECT_EQ(One(results, "ready before").verdict, Verdict::kHolds);
  EXPECT_THAT(One(results, "ready before").reason,
              HasSubstr("critical path 1 min 40 s on up to 2 cores against 3 min 20 s on 1"));
  EXPECT_EQ(One(results, "device time").verdict, Verdict::kDoesNotHold);
  SetSpeed(&results, 205, 195, 200);
  EXPECT_EQ(One(results, "ready before").verdict, Verdict::kUndecided);
  EXPECT_EQ(One(results, "device time").verdict, Verdict::kUndecided);
  SetSpeed(&results, 300, 150, 200);
  EXPECT_EQ(One(results, "ready before").verdict, Verdict::kDoesNotHold);
  EXPECT_EQ(One(results, "device time").verdict, Verdict::kHolds);
}

TEST(ClaimsTest, ACompositeIsComparedWithTheBestOfItsPaths) {
  Results results = TwoPathRun();
  EXPECT_EQ(One(results, "each of its paths").verdict, Verdict::kHolds);
  EXPECT_EQ(One(results, "each of its paths").subject, "c and path_2");
  SetLoss(Find(&results, "path_1"), 2.0);
  EXPECT_EQ(One(results, "each of its paths").verdict, Verdict::kDoesNotHold);
  EXPECT_EQ(One(results, "each of its paths").subject, "c and path_1");
}

TEST(ClaimsTest, ChoicesThatIgnoreThePromptAreRightByChance) {
  Results results = TwoPathRun();
  EXPECT_THAT(About(results, "domain of the text"), IsEmpty());
  // The published rows: 40 % right with 48, 50 and 2 % is no more than chance, which is 49.
  SetRouting(Find(&results, "c"), {48.3, 50.0, 1.7}, 40);
  EXPECT_EQ(One(results, "domain of the text").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "domain of the text").reason,
              HasSubstr("49.1 % would be if the choice did not depend on the prompt"));
  SetRouting(Find(&results, "c"), {50, 50, 0}, 90);
  EXPECT_EQ(One(results, "domain of the text").verdict, Verdict::kHolds);
  SetRouting(Find(&results, "c"), {50, 50, 0}, 10);
  EXPECT_EQ(One(results, "domain of the text").verdict, Verdict::kDoesNotHold);
  Measured<Routing>(&results, "c").summary->correct.reset();
  EXPECT_THAT(One(results, "domain of the text").reason,
              HasSubstr("no prompt names the path of its domain"));
}

Results ThreeRouted(const std::vector<double>& scores) {
  Results results = TwoPathRun();
  AddComposite(&results, "d", "routed", 2.6);
  AddComposite(&results, "e", "routed", 2.6);
  const double shares[] = {50, 70, 90};
  const char* names[] = {"c", "d", "e"};
  for (size_t i = 0; i < 3; ++i) {
    SetRouting(Find(&results, names[i]), {shares[i], 100 - shares[i], 0}, 50);
    SetScores(Find(&results, names[i]), scores[i]);
  }
  return results;
}

TEST(ClaimsTest, EvenUseGoesWithLowScoresOnlyIfTheOrderSaysSo) {
  EXPECT_EQ(One(ThreeRouted({55, 58, 61}), "Even use").verdict, Verdict::kHolds);
  EXPECT_EQ(One(ThreeRouted({61, 58, 55}), "Even use").verdict, Verdict::kDoesNotHold);
  EXPECT_EQ(One(ThreeRouted({58.0, 58.05, 58.1}), "Even use").verdict,
            Verdict::kUndecided);  // within the interval
  EXPECT_EQ(One(ThreeRouted({58, 62, 60}), "Even use").verdict, Verdict::kHolds);  // two of three
                                                                                   // pairs agree
  EXPECT_EQ(One(ThreeRouted({55, 64, 58}), "Even use").verdict, Verdict::kHolds);
  EXPECT_THAT(One(ThreeRouted({55, 58, 61}), "Even use").reason,
              HasSubstr("3 models, so no more than a direction"));
}

TEST(ClaimsTest, EvenUseNeedsThreeCompositesThatDiffer) {
  Results results = ThreeRouted({55, 58, 61});
  Find(&results, "e")->evaluation.measured.Remove<Blimp>();
  EXPECT_THAT(
      One(results, "Even use").reason,
      HasSubstr("needs three composites with routing, BLiMP, GLUE and SuperGLUE; the run has 2"));
  results = ThreeRouted({55, 58, 61});
  for (const char* name : {"c", "d", "e"}) SetRouting(Find(&results, name), {52, 48, 0}, 50);
  EXPECT_EQ(One(results, "Even use").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "Even use").reason, HasSubstr("use their paths alike"));
}

TEST(ClaimsTest, ASliceStartsAsItsParentsIfTheGateSaysSo) {
  Results results = TwoPathRun();
  EXPECT_THAT(About(results, "starts as its parents"), IsEmpty());
  AddComposite(&results, "preserving", "slice", 2.5);
  EXPECT_EQ(One(results, "starts as its parents").verdict, Verdict::kUndecided);
  results.gates["preserving"].logits_max_difference = 2e-6;
  EXPECT_EQ(One(results, "starts as its parents").verdict, Verdict::kHolds);
  results.gates["preserving"].logits_max_difference = 0.3;
  EXPECT_EQ(One(results, "starts as its parents").verdict, Verdict::kDoesNotHold);
}

TEST(ClaimsTest, StartsAreComparedAfterEqualJointTokens) {
  Results results = TwoPathRun();
  AddComposite(&results, "preserving", "slice", 2.5);
  for (const std::string name : {"joint:c", "joint:preserving"}) {
    JobResult job;
    job.name = name;
    job.summary = {{"tokens", 400'000}};
    results.jobs.push_back(job);
  }
  EXPECT_EQ(One(results, "preserves the parents' function").verdict, Verdict::kHolds);
  EXPECT_THAT(
      One(results, "preserves the parents' function").reason,
      HasSubstr(
          "2.5000 against 2.6000, 0.1000 lower; before joint training 6.0000 against 8.0000"));
  SetLoss(Find(&results, "preserving"), 2.7);
  EXPECT_EQ(One(results, "preserves the parents' function").verdict, Verdict::kDoesNotHold);
  results.jobs[0].summary["tokens"] = 300'000;
  EXPECT_EQ(One(results, "preserves the parents' function").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "preserves the parents' function").reason, HasSubstr("not equal"));
}

// Phase 1 of the paper: composites that were trained from scratch.
TEST(ClaimsTest, CompositesFromScratchStandAgainstDenseModels) {
  Results results;
  results.corpora = {"all"};
  results.models = {Model("share", Role::kCompositeScratch, 2.3),
                    Model("dense", Role::kDense, 2.4)};
  EXPECT_EQ(One(results, "trained from scratch reaches a lower loss").verdict, Verdict::kHolds);
  EXPECT_EQ(One(results, "trained from scratch reaches a lower loss").subject, "share and dense");
  EXPECT_THAT(About(results, "ready before the dense model"), IsEmpty());
  EXPECT_THAT(About(results, "better than each of its paths"), IsEmpty());
  for (ModelResult& model : results.models) SetScores(&model, 59.85);
  EXPECT_EQ(One(results, "scores higher").verdict, Verdict::kUndecided);
  EXPECT_THAT(One(results, "scores higher").published, HasSubstr("59.85 of Share_Linear"));
}

// A difference that the drawn text does not bear out decides nothing, however large it is.
TEST(ClaimsTest, LossesAreDecidedByTheTextToo) {
  Results results = TwoPathRun();
  const auto set = [&](const std::string& name, std::vector<double> groups) {
    Losses& losses = Find(&results, name)->evaluation.losses;
    const double sum = groups[0] + groups[1] + groups[2] + groups[3];
    losses["tales"] = {sum / 1000, 0, 1000, 0, std::move(groups), {250, 250, 250, 250}};
    losses[kAllText].tokens = 1000;
  };
  SetLoss(Find(&results, "c"), 2.3);
  set("dense", {600, 600, 600, 600});
  set("c", {575, 575, 575, 575});
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kHolds);
  EXPECT_THAT(One(results, "lower loss").reason, HasSubstr("0.1000 ± 0.0000 lower"));
  set("c", {200, 800, 550, 750});  // as low in all, but not here and there
  EXPECT_EQ(One(results, "lower loss").verdict, Verdict::kUndecided);
}

TEST(ClaimsTest, WithoutCompositesNothingIsSaidOfThem) {
  Results results = TwoPathRun();
  std::erase_if(results.models, [](const ModelResult& m) { return m.composed(); });
  EXPECT_THAT(TestClaims(results), IsEmpty());
}

TEST(ClaimsTest, FindingsGoIntoTheReportAsWords) {
  const Json json = ToJson(TestClaims(TwoPathRun()));
  ASSERT_FALSE(json.empty());
  EXPECT_EQ(json[0]["verdict"], "does not hold in this one training");
  EXPECT_EQ(json[0]["subject"], "c and dense");
}

}  // namespace
}  // namespace braid::report
