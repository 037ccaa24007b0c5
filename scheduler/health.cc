#include "scheduler/health.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace braid::scheduler {
namespace {

// Bounds what is kept of a worker on which everything fails.
constexpr size_t kMostFailures = 10;

// How long the quarantine of this number lasts; the first is 1.
int64_t LengthMs(int64_t number, const HealthOptions& options) {
  // The bound keeps the shift from overflowing.
  return std::min(options.first_ms << std::min<int64_t>(number - 1, 20), options.max_ms);
}

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
    return other.job == failure.job || now_ms - other.time_ms > options.window_ms ||
           other.time_ms > now_ms;  // the clock was set back
  });
  health.failures.push_back(std::move(failure));
  if (health.failures.size() > kMostFailures) health.failures.erase(health.failures.begin());
  if (options.failures == 0 || InQuarantine(health, now_ms, options)) return health;
  const int64_t needed = health.quarantines > 0 ? 1 : options.failures;
  if (static_cast<int64_t>(health.failures.size()) < needed) return health;
  ++health.quarantines;
  health.quarantine_until_ms = now_ms + LengthMs(health.quarantines, options);
  return health;
}

WorkerHealth WithoutJob(WorkerHealth health, const std::string& job, const HealthOptions& options) {
  const auto found = std::find_if(health.failures.begin(), health.failures.end(),
                                  [&](const WorkerFailure& failure) { return failure.job == job; });
  if (found == health.failures.end()) return health;
  const int64_t time_ms = found->time_ms;
  health.failures.erase(found);
  if (health.quarantines == 0) return health;
  // A later quarantine is due to the one failure at which it began, the first one to all before it.
  const int64_t began_ms = health.quarantine_until_ms - LengthMs(health.quarantines, options);
  const auto left = std::count_if(
      health.failures.begin(), health.failures.end(),
      [&](const WorkerFailure& failure) { return failure.time_ms <= began_ms; });
  const bool over = health.quarantines == 1 ? time_ms <= began_ms && left < options.failures
                                            : time_ms == began_ms;
  if (!over) return health;
  health.quarantine_until_ms = 0;
  --health.quarantines;
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
