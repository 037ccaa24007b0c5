#include "report/claims/finding.h"

#include <algorithm>

namespace braid::report {

std::string ToText(Verdict verdict) {
  const std::string word = verdict == Verdict::kHolds         ? "holds"
                           : verdict == Verdict::kDoesNotHold ? "does not hold"
                                                              : "undecided";
  return word + " " + kOneTraining;
}

int CountOf(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<int>(std::count_if(findings.begin(), findings.end(),
                                        [&](const Finding& f) { return f.verdict == verdict; }));
}

Verdict LossIsLower(const Estimate& difference) {
  const double reach = difference.has_interval() ? difference.HalfWidth() : 0;
  if (difference.value < -kSameLoss && difference.value + reach < 0) return Verdict::kHolds;
  return difference.value > kSameLoss && difference.value - reach > 0 ? Verdict::kDoesNotHold
                                                                      : Verdict::kUndecided;
}

Verdict IsAbove(const Estimate& difference) {
  if (!difference.has_interval()) return Verdict::kUndecided;
  if (difference.low() > 0) return Verdict::kHolds;
  return difference.high() < 0 ? Verdict::kDoesNotHold : Verdict::kUndecided;
}

Verdict IsShorter(double time, double other) {
  if (time < other * (1 - kSameTime)) return Verdict::kHolds;
  return time > other * (1 + kSameTime) ? Verdict::kDoesNotHold : Verdict::kUndecided;
}

}  // namespace braid::report
