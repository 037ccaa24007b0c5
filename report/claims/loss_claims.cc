// Composites beside dense models and beside their paths, by loss (docs/papers/papaformer.md#s8).
#include <cmath>

#include "base/text.h"
#include "report/claims/claim.h"
#include "report/claims/composites.h"
#include "report/input/mean_score.h"
#include "report/results/baseline.h"

namespace braid::report {
namespace {

ClaimTest TestLoss(const CompositeAndDense& pair) {
  const auto& [composite, dense] = pair;
  ClaimTest test{pair.subject()};
  const auto difference = LossDifference(composite, dense, kAllText);
  if (!difference.has_value()) {
    test.reason = "no validation loss on all text was measured (evaluate: loss)";
  } else {
    const bool known = composite.tokens > 0 && dense.tokens > 0;
    if (known) test.verdict = LossIsLower(*difference);
    // A model that saw more text must not win because of it; if it loses in spite of it, the
    // comparison is valid.
    const bool saw_more = known && !SameTokens(composite, dense) && composite.tokens > dense.tokens;
    const bool saw_less = known && !SameTokens(composite, dense) && composite.tokens < dense.tokens;
    if (saw_more && test.verdict == Verdict::kHolds) test.verdict = Verdict::kUndecided;
    if (saw_less && test.verdict == Verdict::kDoesNotHold) test.verdict = Verdict::kUndecided;
    test.reason = "loss on all text " + LossFigures(composite, dense, kAllText) +
                  TokensText(composite, dense) +
                  (known && std::abs(difference->value) <= kSameLoss
                       ? Format("; up to %.3f is called equal", kSameLoss)
                       : "");
  }
  return test;
}

std::vector<ClaimTest> TestLosses(const Results& results, Role role) {
  std::vector<ClaimTest> tests;
  for (const CompositeAndDense& pair : AgainstDense(results, {role}))
    tests.push_back(TestLoss(pair));
  return tests;
}

ClaimTest TestAgainstPaths(const Results& results, const ModelResult& composite) {
  ClaimTest test{composite.name};
  const ModelResult* best = BestPathOf(results, composite);
  if (best == nullptr || !composite.LossOn(kAllText).has_value()) {
    test.reason =
        "no validation loss on all text was measured for it and its paths (evaluate: loss)";
  } else {
    test.subject += " and " + best->name;
    test.verdict = LossIsLower(*LossDifference(composite, *best, kAllText));
    test.reason = "against the best of its paths: loss on all text " +
                  LossFigures(composite, *best, kAllText);
    const auto score = MeanScore(composite.evaluation), other = MeanScore(best->evaluation);
    if (score.has_value() && other.has_value()) {
      test.reason += Format("; mean score %.2f against %.2f, %s", score->value, other->value,
                            ScoreDifferenceText(Difference(*score, *other)).c_str());
    }
  }
  return test;
}

}  // namespace

Claim CompositeLossClaim() {
  return {
      "A composite of pre-trained paths reaches a lower loss than a dense model that saw the "
      "same tokens.",
      kPapaformer, "losses are not printed",
      [](const Results& results) { return TestLosses(results, Role::kComposite); }};
}

// Phase 1 of the paper.
Claim ScratchLossClaim() {
  return {
      "A composite trained from scratch reaches a lower loss than a dense model that saw the "
      "same tokens.",
      kPapaformer, "losses are not printed",
      [](const Results& results) { return TestLosses(results, Role::kCompositeScratch); }};
}

Claim BetterThanPathsClaim() {
  return {"A composite is better than each of its paths.", kPapaformer,
          "59.40 against 56.90 and 55.30, mean of BLiMP, GLUE and SuperGLUE",
          [](const Results& results) {
            std::vector<ClaimTest> tests;
            for (const ModelResult* composite : results.WithRole(Role::kComposite))
              tests.push_back(TestAgainstPaths(results, *composite));
            return tests;
          }};
}

}  // namespace braid::report
