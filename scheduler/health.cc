#include "scheduler/health.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace braid::scheduler {
namespace {

// Bounds what is kept of a worker on which everything fails.
constexpr size_t kMostFailures = 10;

}  // namespace

bool MayBeTheWorkers(task::FailureCategory category) {
  return category == task::FailureCategory::kInfra || category == task::FailureCategory::kSystem;
}

bool InQuarantine(const WorkerHealth& health, int64_t now_ms, const HealthOptions& options) {
  const int64_t left_ms = health.quarantine_until_ms - now_ms;
  return options.failures > 0 && left_ms > 0 && left_ms <= options.max_ms;
}

WorkerHealth AfterFailure(WorkerHealth health, WorkerFailure failure,
                          const HealthOptions& options) {
  const int64_t now_ms = failure.time_ms;
  std::erase_if(health.failures, [&](const WorkerFailure& other) {
    return other.job == failure.job || now_ms - other.time_ms > options.window_ms;
  });
  health.failures.push_back(std::move(failure));
  if (health.failures.size() > kMostFailures) health.failures.erase(health.failures.begin());
  if (options.failures == 0 || InQuarantine(health, now_ms, options)) return health;
  const int64_t needed = health.quarantines > 0 ? 1 : options.failures;
  if (static_cast<int64_t>(health.failures.size()) < needed) return health;
  // The bound keeps the shift from overflowing.
  const int64_t doublings = std::min<int64_t>(health.quarantines, 20);
  ++health.quarantines;
  health.quarantine_until_ms = now_ms + std::min(options.first_ms << doublings, options.max_ms);
  return health;
}

WorkerHealth WithoutJob(WorkerHealth health, const std::string& job, const HealthOptions& options) {
  const size_t erased = std::erase_if(
      health.failures, [&](const WorkerFailure& failure) { return failure.job == job; });
  if (erased > 0 && static_cast<int64_t>(health.failures.size()) < options.failures)
    health.quarantine_until_ms = health.quarantines = 0;
  return health;
}

std::string QuarantineText(const std::string& worker, const WorkerHealth& health) {
  const size_t jobs = health.failures.size();
  std::string text = "worker " + worker + " is in quarantine until " +
                     FormatUtc(health.quarantine_until_ms) + ": ";
  text += jobs == 1 ? "a job failed there" : std::to_string(jobs) + " jobs in a row failed there";
  if (health.quarantines > 1) text += ", and none has succeeded since it was in quarantine before";
  if (!health.failures.empty()) {
    const WorkerFailure& last = health.failures.back();
    text += "; the last, " + last.job + ": " + last.error;
  }
  return text + "; when its machine is well, `braid worker release " + worker + "` ends it";
}

}  // namespace braid::scheduler
