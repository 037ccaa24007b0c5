#include "report/results/halving.h"

#include <algorithm>
#include <limits>

#include "report/results/results.h"
#include "task/held_out_loss.h"

namespace braid::report {
namespace {

constexpr char kSucceeded[] = "SUCCEEDED", kFailed[] = "FAILED", kSkipped[] = "SKIPPED";

// The job that ends a training at a rung, from 1.
const JobResult* JobAt(const std::string& training, size_t rung, size_t rungs, const Results& run) {
  return run.FindJob(rung == rungs ? training : training + "@rung_" + std::to_string(rung));
}

// Absent if the trial was stopped before.
std::optional<TrialAtRung> TrialAt(const spec::ReportedTrial& trial, size_t rung, size_t rungs,
                                   const Results& run) {
  TrialAtRung made{trial.name, std::nullopt, TrialEnd::kWentOn};
  std::vector<std::optional<double>> losses;
  bool reached = false;
  for (const std::string& training : trial.jobs) {
    const JobResult* job = JobAt(training, rung, rungs, run);
    if (job == nullptr) continue;
    reached = reached || job->state == kSucceeded || job->state == kFailed;
    losses.push_back(job->state == kSucceeded ? task::HeldOutLoss(job->summary) : std::nullopt);
    const JobResult* next = rung == rungs ? nullptr : JobAt(training, rung + 1, rungs, run);
    if (next != nullptr && next->state == kSkipped) made.end = TrialEnd::kStopped;
  }
  if (!reached) return std::nullopt;
  made.loss = task::MeanLoss(losses);
  if (!made.loss) made.end = TrialEnd::kFailed;
  return made;
}

double LossOrWorst(const TrialAtRung& trial) {
  return trial.loss.value_or(std::numeric_limits<double>::infinity());
}

double CoreSecondsOf(const spec::ReportedTrial& trial, size_t rungs, const Results& run) {
  double sum = 0;
  for (const std::string& training : trial.jobs) {
    for (size_t rung = 1; rung <= rungs; ++rung) {
      const JobResult* job = JobAt(training, rung, rungs, run);
      if (job != nullptr && job->seconds > 0)
        sum += job->seconds * static_cast<double>(job->cores());
    }
  }
  return sum;
}

}  // namespace

std::vector<Halving> HalvingsOf(const std::vector<spec::ReportedHalving>& compared,
                                const Results& run) {
  std::vector<Halving> all;
  for (const spec::ReportedHalving& reported : compared) {
    Halving halving{reported.model, reported.starts, {}, 0};
    const size_t rungs = reported.rungs.size();
    for (size_t rung = 1; rung <= rungs; ++rung) {
      RungResult made{reported.rungs[rung - 1].share, {}};
      for (const spec::ReportedTrial& trial : reported.trials) {
        if (auto at = TrialAt(trial, rung, rungs, run); at) made.trials.push_back(*std::move(at));
      }
      // Stable: of equal losses the one that comes first in the recipe is better, as for the
      // coordinator.
      std::stable_sort(made.trials.begin(), made.trials.end(), [](const auto& a, const auto& b) {
        return LossOrWorst(a) < LossOrWorst(b);
      });
      if (!made.trials.empty()) halving.rungs.push_back(std::move(made));
    }
    for (const spec::ReportedTrial& trial : reported.trials)
      halving.core_seconds += CoreSecondsOf(trial, rungs, run);
    if (halving.core_seconds <= 0) halving.core_seconds = -1;
    if (!halving.rungs.empty()) all.push_back(std::move(halving));
  }
  return all;
}

bool IsLeftBehind(const std::string& evaluation, const std::string& training, const Results& run) {
  for (const std::string& name : {evaluation, training}) {
    const JobResult* job = name.empty() ? nullptr : run.FindJob(name);
    if (job != nullptr && (job->state == kSkipped || job->state == kFailed)) return true;
  }
  return false;
}

}  // namespace braid::report
