#include "coordinator/core/rungs.h"

#include <algorithm>

#include "base/text.h"
#include "task/held_out_loss.h"

namespace braid::coordinator {
namespace {

using scheduler::TrialScore;
using Trials = std::map<int64_t, std::vector<const JobRecord*>>;

// Read once for each job and pass, and only when all trainings of its rung have ended.
std::optional<double> LossOf(const JobRecord& job) {
  if (job.state != JobState::kSucceeded) return std::nullopt;
  return task::HeldOutLossOfText(job.summary);
}

Trials ByTrial(const std::vector<const JobRecord*>& jobs) {
  Trials trials;
  for (const JobRecord* job : jobs) trials[job->rung.trial].push_back(job);
  return trials;
}

// Stopped at an earlier rung, or because what it needs was: it is not compared again.
bool IsLeftBehind(const std::vector<const JobRecord*>& trial) {
  return std::all_of(trial.begin(), trial.end(), [](const JobRecord* job) {
    return job->state == JobState::kSkipped && job->left_behind;
  });
}

bool HasSucceeded(const std::vector<const JobRecord*>& trial) {
  return std::all_of(trial.begin(), trial.end(),
                     [](const JobRecord* job) { return job->state == JobState::kSucceeded; });
}

}  // namespace

Rungs::Rungs(const std::vector<const JobRecord*>& jobs) {
  for (const JobRecord* job : jobs)
    if (job->rung.number > 0) jobs_[{job->rung.model, job->rung.number}].push_back(job);
}

const std::optional<std::vector<TrialScore>>& Rungs::RankedAt(const Rung& rung) {
  const auto [known, is_new] = ranked_.try_emplace(rung);
  if (!is_new) return known->second;
  const std::vector<const JobRecord*>& jobs = jobs_[rung];
  const bool ended = std::all_of(jobs.begin(), jobs.end(),
                                 [](const JobRecord* job) { return Ended(job->state); });
  if (!ended) return known->second;
  std::vector<TrialScore> scores;
  for (const auto& [trial, trainings] : ByTrial(jobs)) {
    if (IsLeftBehind(trainings)) continue;
    std::vector<std::optional<double>> losses;
    for (const JobRecord* training : trainings) losses.push_back(LossOf(*training));
    scores.push_back({trial, task::MeanLoss(losses)});
  }
  known->second = scheduler::Ranked(std::move(scores));
  return known->second;
}

std::optional<RungDecision> Rungs::Of(const JobRecord& job) {
  if (job.rung.number <= 1) return RungDecision();
  const auto& ranked = RankedAt({job.rung.model, job.rung.number - 1});
  if (!ranked) return std::nullopt;
  const auto own = std::find_if(ranked->begin(), ranked->end(), [&](const TrialScore& score) {
    return score.trial == job.rung.trial;
  });
  const auto place = own - ranked->begin();
  const int64_t going_on = scheduler::CountGoingOn(*ranked, job.rung.keep);
  if (place < going_on) return RungDecision();
  const auto rung = static_cast<long long>(job.rung.number - 1);
  if (own == ranked->end() || !own->loss) {
    return RungDecision{false, Format("stopped at rung %lld: a training of this setting failed or "
                                      "has no held-out loss, which counts as the worst",
                                      rung)};
  }
  return RungDecision{false, Format("stopped at rung %lld: its held-out loss %.4f is place %lld of "
                                    "%zu, and the best %lld %s on",
                                    rung, *own->loss, (long long)place + 1, ranked->size(),
                                    (long long)going_on, going_on == 1 ? "goes" : "go")};
}

std::vector<std::string> Rungs::UnendedBefore(const JobRecord& job) const {
  std::vector<std::string> names;
  const auto before = jobs_.find({job.rung.model, job.rung.number - 1});
  if (before == jobs_.end()) return names;
  for (const JobRecord* other : before->second) {
    if (!Ended(other->state)) names.push_back(other->key.job);
  }
  return names;
}

std::vector<std::string> Rungs::ModelsWithoutTrial() const {
  std::vector<std::string> without;
  for (auto rung = jobs_.begin(); rung != jobs_.end();) {
    const std::string& model = rung->first.first;
    const bool tried = !IsLeftBehind(rung->second);  // the first rung
    auto last = rung;
    while (rung != jobs_.end() && rung->first.first == model) last = rung++;
    const Trials trials = ByTrial(last->second);
    const bool done = std::any_of(trials.begin(), trials.end(),
                                  [](const auto& trial) { return HasSucceeded(trial.second); });
    if (tried && !done) without.push_back(model);
  }
  return without;
}

std::string WhyNotRun(const JobRecord& job) {
  return job.key.job + (job.state == JobState::kFailed
                            ? " failed, which counts as the worst of what it is compared with"
                            : " was stopped at a rung");
}

}  // namespace braid::coordinator
