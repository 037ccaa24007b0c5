// Composites beside dense models, by BLiMP, GLUE and SuperGLUE (Table 7 of PaPaformer,
// docs/papers/papaformer.md#s8).
#include "base/text.h"
#include "report/claims/claim.h"
#include "report/claims/composites.h"
#include "report/input/blimp.h"
#include "report/input/glue.h"
#include "report/input/mean_score.h"

namespace braid::report {
namespace {

constexpr char kScoreClaim[] =
    "A composite scores higher than the dense model on the mean of BLiMP, GLUE and SuperGLUE.";

// What Table 7 needs and `model` lacks; empty if it has all.
std::string MissingScores(const ModelResult& model) {
  const Blimp* blimp = model.Find<Blimp>();
  const Glue* glue = model.Find<Glue>();
  std::vector<std::string> missing;
  if (blimp == nullptr || blimp->partial()) missing.push_back("all of BLiMP");
  if (glue == nullptr || !glue->glue.has_value()) missing.push_back("all eight GLUE tasks");
  if (glue == nullptr || !glue->superglue.has_value())
    missing.push_back("all three SuperGLUE tasks");
  return missing.empty() ? "" : model.name + " was not evaluated on " + Join(missing, ", ");
}

ClaimTest TestScore(const CompositeAndDense& pair) {
  const auto& [composite, dense] = pair;
  ClaimTest test{pair.subject()};
  const auto mine = MeanScore(composite.evaluation), theirs = MeanScore(dense.evaluation);
  if (!mine.has_value() || !theirs.has_value()) {
    test.reason = !mine.has_value() ? MissingScores(composite) : MissingScores(dense);
  } else {
    const Estimate difference = Difference(*mine, *theirs);
    test.verdict = IsAbove(difference);
    test.reason = Format("%.2f against %.2f, %s", mine->value, theirs->value,
                         ScoreDifferenceText(difference).c_str()) +
                  TokensText(composite, dense);
  }
  return test;
}

std::vector<ClaimTest> TestScores(const Results& results, Role role) {
  std::vector<ClaimTest> tests;
  for (const CompositeAndDense& pair : AgainstDense(results, {role}))
    tests.push_back(TestScore(pair));
  return tests;
}

}  // namespace

Claim CompositeScoreClaim() {
  return {kScoreClaim, kPapaformer, "59.40 against 59.25, a gap below the spread over seeds",
          [](const Results& results) { return TestScores(results, Role::kComposite); }};
}

// The same of phase 1 of the paper.
Claim ScratchScoreClaim() {
  return {kScoreClaim, kPapaformer,
          "phase 1: 59.85 of Share_Linear, 58.15 and 58.45 of the other two, against 59.85",
          [](const Results& results) { return TestScores(results, Role::kCompositeScratch); }};
}

}  // namespace braid::report
