// Quarantine: a worker on which several jobs in a row fail through no fault of their own gets no
// new jobs for a time, before it has spoilt an attempt of every job in the queue. Each quarantine
// without a success in between is twice as long as the last. What already runs there goes on.
#pragma once

#include <cstdint>
#include <string>

#include "task/failure.h"
#include "task/worker_health.h"

namespace braid::scheduler {

using task::WorkerFailure;
using task::WorkerHealth;

// When a quarantine begins, and how long it lasts.
struct HealthOptions {
  // Failures of so many different jobs in a row, no success between them, begin a quarantine; after
  // it a single one does, until a job has succeeded. 0: no worker is ever put into quarantine.
  int64_t failures = 3;
  // Failures that are older do not count any more.
  int64_t window_ms = 3'600'000;
  // How long the first quarantine lasts, and the longest.
  int64_t first_ms = 300'000;
  int64_t max_ms = 14'400'000;
};

// Whether a failure of this category may be the worker's fault.
bool MayBeTheWorkers(task::FailureCategory category);

// Whether the worker gets no new jobs at `now_ms`. An end that is further away than the longest
// quarantine was computed before the wall clock was set back, and has passed.
bool InQuarantine(const WorkerHealth& health, int64_t now_ms, const HealthOptions& options);

// After a failure on the worker. A job counts once. What fails during a quarantine was begun before
// it, and does not prolong it.
WorkerHealth AfterFailure(WorkerHealth health, WorkerFailure failure, const HealthOptions& options);

// After `job` failed on another worker, too: the job is suspect and the worker is not, so its
// failure does not count. If those that are left would not have begun a quarantine, it is over.
WorkerHealth WithoutJob(WorkerHealth health, const std::string& job, const HealthOptions& options);

// Why the worker gets no new jobs, and what to do. REQUIRES: it is in quarantine.
std::string QuarantineText(const std::string& worker, const WorkerHealth& health);

}  // namespace braid::scheduler
