// The verdict of a run on one claim.
#pragma once

#include <string>
#include <vector>

#include "report/input/estimate.h"

namespace braid::report {

// Undecided: the interval contains zero, the difference is too small to be meaningful, or the
// deciding quantity was not measured.
enum class Verdict { kHolds, kDoesNotHold, kUndecided };

// What a test of a claim found on certain models.
struct Finding {
  std::string claim;      // a plain sentence, the same for all its subjects
  std::string source;     // "PaPaformer", "dual-path" or "braid"
  std::string published;  // what the source found, in short
  std::string subject;    // the models it is tested on
  Verdict verdict = Verdict::kUndecided;
  std::string reason;  // the figures, or what is missing
};

// Losses closer than this, in nats a token, are called equal whatever their interval says: training
// seeds move them by as much.
constexpr double kSameLoss = 0.005;
// Times closer than this share are called equal: one measurement each.
constexpr double kSameTime = 0.05;

// Every model of a run is trained once. Another seed, another number of ranks or another CPU is
// another training, and moves losses by more than the text drawn does: whatever a report judges, it
// judges of this one.
inline constexpr char kOneTraining[] = "in this one training";

// "holds in this one training", "does not hold in this one training", "undecided in this one
// training".
std::string ToText(Verdict verdict);
// The number of findings with this verdict.
int CountOf(const std::vector<Finding>& findings, Verdict verdict);

// Whether a difference of losses is below zero for sure, or above: by more than kSameLoss and, if
// its interval is known, beyond that.
Verdict LossIsLower(const Estimate& difference);
// Whether a difference is above zero for sure: its interval decides, and without one nothing does.
Verdict IsAbove(const Estimate& difference);
// Whether `time` is shorter than `other`, in the same unit, by more than kSameTime.
Verdict IsShorter(double time, double other);

}  // namespace braid::report
