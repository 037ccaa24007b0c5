// Composites with `connect: slice`, which begin with the function of their parents
// (docs/models.md).
#include "base/text.h"
#include "report/claims/claim.h"

namespace braid::report {
namespace {

// Single precision leaves this much in a sum of logits.
constexpr double kSameLogits = 1e-4;

bool IsSlice(const ModelResult& model) {
  return model.evaluation.spec.has_value() &&
         model.evaluation.spec->kind == model::Kind::kComposite &&
         model.evaluation.spec->connection.is_slice();
}

ClaimTest TestSliceStart(const Results& results, const ModelResult& composite) {
  ClaimTest test{composite.name};
  const auto gate = results.gates.find(composite.composite);
  if (gate == results.gates.end() || !gate->second.logits_max_difference.has_value()) {
    test.reason = "the gate did not compare logits";
  } else {
    const double difference = *gate->second.logits_max_difference;
    test.verdict = difference <= kSameLogits ? Verdict::kHolds : Verdict::kDoesNotHold;
    test.reason = Format("largest difference %.1e over %lld tokens", difference,
                         (long long)gate->second.tokens_compared);
  }
  return test;
}

std::vector<ClaimTest> TestSliceStarts(const Results& results) {
  std::vector<ClaimTest> tests;
  for (const ModelResult* composite : results.WithRole(Role::kComposite)) {
    if (IsSlice(*composite)) tests.push_back(TestSliceStart(results, *composite));
  }
  return tests;
}

int64_t JointTokens(const Results& results, const ModelResult& composite) {
  const JobResult* joint = results.FindJob(composite.job);
  return joint == nullptr ? 0 : joint->tokens();
}

// REQUIRES: both are composites of the same paths.
ClaimTest TestSliceWorth(const Results& results, const ModelResult& slice,
                         const ModelResult& other) {
  ClaimTest test{slice.name + " and " + other.name};
  const auto difference = LossDifference(slice, other, kAllText);
  const auto mine_tokens = JointTokens(results, slice), their_tokens = JointTokens(results, other);
  if (!difference.has_value()) {
    test.reason = "no validation loss on all text was measured (evaluate: loss)";
  } else if (mine_tokens != their_tokens) {
    test.reason = Format("their joint trainings are not equal: %s tokens against %s",
                         FormatCount(static_cast<double>(mine_tokens)).c_str(),
                         FormatCount(static_cast<double>(their_tokens)).c_str());
  } else {
    test.verdict = LossIsLower(*difference);
    test.reason = "loss on all text " + LossFigures(slice, other, kAllText);
    const ModelResult *start = results.StartOf(slice), *other_start = results.StartOf(other);
    if (start != nullptr && other_start != nullptr && start->LossOn(kAllText).has_value() &&
        other_start->LossOn(kAllText).has_value()) {
      test.reason += Format("; before joint training %.4f against %.4f", *start->LossOn(kAllText),
                            *other_start->LossOn(kAllText));
    }
  }
  return test;
}

// After joint training on the same number of tokens.
std::vector<ClaimTest> TestSliceWorths(const Results& results) {
  std::vector<ClaimTest> tests;
  const auto composites = results.WithRole(Role::kComposite);
  for (const ModelResult* slice : composites) {
    for (const ModelResult* other : composites) {
      if (IsSlice(*slice) && !IsSlice(*other) && results.PathsOf(*slice) == results.PathsOf(*other))
        tests.push_back(TestSliceWorth(results, *slice, *other));
    }
  }
  return tests;
}

}  // namespace

Claim SliceStartClaim() {
  return {
      "A composite with connect: slice starts as its parents together: its logits are theirs, "
      "weighed.",
      kBraid, "by construction", TestSliceStarts};
}

Claim SliceWorthClaim() {
  return {
      "A start that preserves the parents' function is worth more than the paper's random "
      "connections, after equal joint tokens.",
      kBraid, "first trial: 0.7 to 1.1 nats lower", TestSliceWorths};
}

}  // namespace braid::report
