#include <cmath>

#include "base/text.h"
#include "report/claims/claims.h"

namespace braid::report {
namespace {

constexpr char kSource[] = "braid";
// Single precision leaves this much in a sum of logits.
constexpr double kSameLogits = 1e-4;

bool IsSlice(const ModelResult& model) {
  return model.evaluation.spec.has_value() &&
         model.evaluation.spec->kind == model::Kind::kComposite &&
         model.evaluation.spec->connection.is_slice();
}

void StartsAsItsParents(const Results& results, const ModelResult& composite,
                        std::vector<Finding>* findings) {
  Finding finding{
      "A composite with connect: slice starts as its parents together: its logits are theirs, "
      "weighed.",
      kSource, "by construction", composite.name};
  const auto gate = results.gates.find(composite.composite);
  if (gate == results.gates.end() || !gate->second.logits_max_difference.has_value()) {
    finding.reason = "the gate did not compare logits";
  } else {
    const double difference = *gate->second.logits_max_difference;
    finding.verdict = difference <= kSameLogits ? Verdict::kHolds : Verdict::kDoesNotHold;
    finding.reason = Format("largest difference %.1e over %lld tokens", difference,
                            (long long)gate->second.tokens_compared);
  }
  findings->push_back(std::move(finding));
}

int64_t JointTokens(const Results& results, const ModelResult& composite) {
  const JobFact* joint = results.FindJob(composite.job);
  return joint == nullptr ? 0 : joint->tokens();
}

// Both composites of the same paths, after joint training on the same number of tokens.
void StartsBetter(const Results& results, const ModelResult& slice, const ModelResult& other,
                  std::vector<Finding>* findings) {
  if (results.PathsOf(slice) != results.PathsOf(other)) return;
  Finding finding{
      "A start that preserves the parents' function is worth more than the paper's random "
      "connections, after equal joint tokens.",
      kSource, "first trial: 0.7 to 1.1 nats lower", slice.name + " and " + other.name};
  const auto difference = LossDifference(slice, other, "all");
  const auto mine_tokens = JointTokens(results, slice), their_tokens = JointTokens(results, other);
  if (!difference.has_value()) {
    finding.reason = "no validation loss on all text was measured (evaluate: loss)";
  } else if (mine_tokens != their_tokens) {
    finding.reason = Format("their joint trainings are not equal: %s tokens against %s",
                            FormatCount(static_cast<double>(mine_tokens)).c_str(),
                            FormatCount(static_cast<double>(their_tokens)).c_str());
  } else {
    finding.verdict = LossIsLower(*difference);
    finding.reason = "loss on all text " + LossFigures(slice, other, "all");
    const ModelResult *start = results.StartOf(slice), *other_start = results.StartOf(other);
    if (start != nullptr && other_start != nullptr && start->LossOn("all").has_value() &&
        other_start->LossOn("all").has_value()) {
      finding.reason += Format("; before joint training %.4f against %.4f", *start->LossOn("all"),
                               *other_start->LossOn("all"));
    }
  }
  findings->push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> TestSliceClaims(const Results& results) {
  std::vector<Finding> findings;
  const auto composites = results.WithRole("composite");
  for (const ModelResult* composite : composites) {
    if (IsSlice(*composite)) StartsAsItsParents(results, *composite, &findings);
  }
  for (const ModelResult* slice : composites) {
    for (const ModelResult* other : composites) {
      if (IsSlice(*slice) && !IsSlice(*other)) StartsBetter(results, *slice, *other, &findings);
    }
  }
  return findings;
}

}  // namespace braid::report
