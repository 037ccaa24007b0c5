#include "coordinator/core/time_limits.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/runs.h"
#include "scheduler/time_limit.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

std::string Limit(int64_t seconds) {
  return FormatDuration(static_cast<double>(seconds));
}

catalog::Failure FailureOf(std::string error, const std::string& setting) {
  return {NameOf(task::FailureCategory::kUser), std::move(error),
          "`braid retry RUN` goes on from its newest checkpoint, if there is one, for as long "
          "again; a recipe with a larger " +
              setting + " begins anew",
          /*deterministic=*/true};
}

catalog::Failure RunFailure(const RunRecord& run) {
  const std::string pauses = run.paused_before_ms > 0 ? ", its pauses left out" : "";
  return FailureOf("the run was submitted " + Limit(run.max_duration_s) + " ago" + pauses +
                       ", which is as long as it may take (max_duration.run)",
                   "max_duration.run");
}

catalog::Failure JobFailure(const JobRecord& job) {
  const std::string setting = "max_duration." + job.kind;
  return FailureOf("it has had workers for " + Limit(job.max_duration_s) +
                       ", which is as long as it may take (" + setting + ")",
                   setting);
}

bool IsUp(const RunRecord& run, int64_t wall_ms) {
  return DeadlineOf(run) <= wall_ms;
}

void StopForLimit(const AttemptKey& key, const catalog::Failure& failure, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr ||
      (attempt->state != AttemptState::kOffered && attempt->state != AttemptState::kRunning))
    return;  // told to stop already
  StopAttempt(key, catalog::StopReason::kTimeLimit, failure, tx);
  FinishIfGone(key, tx);
}

// Those that wait for parents are skipped by themselves when these have failed.
void EndRun(const RunRecord& run, Transaction& tx) {
  const catalog::Failure failure = RunFailure(run);
  std::vector<JobKey> queued;
  std::vector<AttemptKey> active;
  for (const JobRecord* job : tx.state().JobsOf(run.id)) {
    if (job->state == JobState::kQueued) queued.push_back(job->key);
    if (job->state == JobState::kActive) active.push_back({run.id, job->key.job, job->epoch});
  }
  for (const AttemptKey& key : active) StopForLimit(key, failure, tx);
  for (const JobKey& key : queued) {
    const JobRecord& job = *tx.state().FindJob(key);
    tx.Add(catalog::JobEnded{key,
                             job.epoch,
                             JobState::kFailed,
                             {},
                             "",
                             failure.error,
                             failure.hint,
                             job.counters,
                             tx.wall_ms()});
  }
  if (!queued.empty()) Propagate(run.id, tx);
}

// The beginning of a set of (time, key) up to now, which what follows may change.
template <class Deadlines>
auto Due(const Deadlines& deadlines, int64_t wall_ms) {
  std::vector<typename Deadlines::value_type::second_type> due;
  for (auto it = deadlines.begin(); it != deadlines.end() && it->first <= wall_ms; ++it)
    due.push_back(it->second);
  return due;
}

}  // namespace

void WatchTimeLimits(Transaction& tx) {
  const Indices& indices = tx.state().indices();
  for (const std::string& id : Due(indices.run_deadlines(), tx.wall_ms()))
    EndRun(RunRecord(*tx.state().FindRun(id)), tx);
  for (const AttemptKey& key : Due(indices.attempt_deadlines(), tx.wall_ms())) {
    if (tx.state().live().contains(key))
      StopForLimit(key, JobFailure(*tx.state().FindJob(key.Job())), tx);
  }
}

std::optional<catalog::Failure> TimeIsUp(const AttemptKey& key, const Transaction& tx) {
  const JobRecord& job = *tx.state().FindJob(key.Job());
  const RunRecord& run = *tx.state().FindRun(key.run);
  if (IsUp(run, tx.wall_ms())) return RunFailure(run);
  if (job.max_duration_s == 0) return std::nullopt;
  std::vector<scheduler::Held> held;
  for (const AttemptRecord* attempt : tx.state().AttemptsOf(job.key)) {
    const bool now = attempt->ended_ms == 0;
    held.push_back({attempt->granted_ms, now ? tx.wall_ms() : attempt->ended_ms});
  }
  // Nothing is left for an attempt that would begin now.
  if (scheduler::TimeIsUpAtMs(job.max_duration_s, held, tx.wall_ms()) > tx.wall_ms())
    return std::nullopt;
  return JobFailure(job);
}

}  // namespace braid::coordinator
