#include "coordinator/core/durations.h"

#include <algorithm>
#include <variant>

#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

double Seconds(int64_t from_ms, int64_t to_ms) {
  return static_cast<double>(to_ms - from_ms) / 1000;
}

// Since when a job waits for slots alone: its parents are done, and all trials of the rung before.
int64_t CouldRunMs(const JobRecord& job, const State& state) {
  int64_t since_ms = QueuedMs(job, state);
  if (job.rung.number < 2) return since_ms;
  for (const JobRecord* other : state.JobsOf(job.key.run)) {
    if (other->rung.model == job.rung.model && other->rung.number == job.rung.number - 1)
      since_ms = std::max(since_ms, other->ended_ms);
  }
  return since_ms;
}

constexpr AttemptState kEnds[] = {AttemptState::kSucceeded, AttemptState::kFailed,
                                  AttemptState::kPreempted, AttemptState::kCancelled,
                                  AttemptState::kLost};

}  // namespace

Durations::Durations() {
  for (const std::string& kind : WordsOf(task::JobKind())) {
    queue_wait.try_emplace(kind, JobBounds());
    start.try_emplace(kind, JobBounds());
    for (const AttemptState end : kEnds) attempts.try_emplace({kind, end}, JobBounds());
  }
}

void Histogram::Observe(double value) {
  value = std::max(value, 0.0);
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  if (bucket != bounds_.end()) ++counts_[static_cast<size_t>(bucket - bounds_.begin())];
  ++count_;
  sum_ += value;
}

const std::vector<double>& JobBounds() {
  static const std::vector<double> bounds = {0.1, 1,     5,      15,     60,     300,
                                             900, 3'600, 14'400, 86'400, 604'800};
  return bounds;
}

const std::vector<double>& CommitBounds() {
  static const std::vector<double> bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
  return bounds;
}

void Durations::See(const catalog::Update& update, const State& state) {
  // The kind of an attempt's job, which is there as long as the attempt is.
  const auto kind_of = [&](const AttemptKey& key) -> std::string {
    const JobRecord* job = state.FindJob({key.run, key.job});
    return job == nullptr ? "" : job->kind;
  };
  if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update)) {
    const AttemptRecord& attempt = granted->attempt;
    const JobRecord* job = state.FindJob({attempt.key.run, attempt.key.job});
    // Later attempts wait for what a retry waits for.
    if (job == nullptr || attempt.key.epoch != 1) return;
    queue_wait.try_emplace(job->kind, JobBounds())
        .first->second.Observe(Seconds(CouldRunMs(*job, state), attempt.granted_ms));
  } else if (const auto* started = std::get_if<catalog::AttemptStarted>(&update)) {
    const AttemptRecord* attempt = state.FindAttempt(started->attempt);
    if (attempt == nullptr) return;
    start.try_emplace(kind_of(attempt->key), JobBounds())
        .first->second.Observe(Seconds(attempt->granted_ms, started->started_ms));
  } else if (const auto* ended = std::get_if<catalog::AttemptEnded>(&update)) {
    const AttemptRecord* attempt = state.FindAttempt(ended->attempt);
    if (attempt == nullptr || attempt->started_ms == 0) return;
    attempts.try_emplace({kind_of(attempt->key), ended->state}, JobBounds())
        .first->second.Observe(Seconds(attempt->started_ms, ended->ended_ms));
  }
}

}  // namespace braid::coordinator
