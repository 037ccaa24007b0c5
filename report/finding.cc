#include "report/finding.h"

namespace braid::report {

std::string ToText(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds: return "holds here";
    case Verdict::kDoesNotHold: return "does not hold here";
    case Verdict::kUndecided: return "undecided";
  }
  return "undecided";
}

Verdict LossIsLower(const Estimate& difference) {
  const double reach = difference.has_interval() ? difference.HalfWidth() : 0;
  if (difference.value < -kSameLoss && difference.value + reach < 0) return Verdict::kHolds;
  return difference.value > kSameLoss && difference.value - reach > 0 ? Verdict::kDoesNotHold : Verdict::kUndecided;
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
