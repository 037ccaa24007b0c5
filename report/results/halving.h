// What was compared at rungs (task/rung.h): the trials of each rung with their losses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/report.h"

namespace braid::report {

struct Results;

// What became of a trial behind a rung: it went on, or came to its end; the sweep stopped it; one
// of its trainings failed.
enum class TrialEnd { kWentOn, kStopped, kFailed };

// A trial at a rung.
struct TrialAtRung {
  std::string name;
  // The mean of the held-out losses of its trainings; absent: one of them failed.
  std::optional<double> loss;
  TrialEnd end = TrialEnd::kWentOn;
};
// A rung, with the trials that were trained up to it, the best first.
struct RungResult {
  // The part of all steps after which it is.
  double share = 1;
  std::vector<TrialAtRung> trials;
};
// The trainings of one model.
struct Halving {
  std::string model;
  // The trials are starts of a composite.
  bool starts = false;
  std::vector<RungResult> rungs;
  // Of all parts of all trainings, stopped ones too; negative: not known.
  double core_seconds = -1;
};

// Takes the losses and states of the jobs from the facts of `run`. Empty without facts.
std::vector<Halving> HalvingsOf(const std::vector<spec::ReportedHalving>& compared,
                                const Results& run);

// Whether a model was stopped at a rung, or failed, so that nothing is known of it: by its
// evaluation or, if `training` is not empty, by the job that trains it.
bool IsLeftBehind(const std::string& evaluation, const std::string& training, const Results& run);

}  // namespace braid::report
