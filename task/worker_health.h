// The record of failures on a worker that were not the fault of the jobs. The policy is
// scheduler/health.h; the catalog keeps it, so that a restart forgets nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::task {

// A failure of an attempt.
struct WorkerFailure {
  // "run/job"
  std::string job;
  // Wall clock, in ms since 1970.
  int64_t time_ms = 0;
  std::string error;
  bool operator==(const WorkerFailure&) const = default;
};

// The failures on a worker since its last success, and its quarantine.
struct WorkerHealth {
  // Those since the last success, oldest first, one for each job.
  std::vector<WorkerFailure> failures;
  // The worker gets no new jobs until then (wall clock); 0: it was in no quarantine.
  int64_t quarantine_until_ms = 0;
  // Quarantines since the last success.
  int64_t quarantines = 0;
  bool operator==(const WorkerHealth&) const = default;
};

}  // namespace braid::task
