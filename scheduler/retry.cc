#include "scheduler/retry.h"

#include <algorithm>

#include "scheduler/lease.h"

namespace braid::scheduler {
namespace {

// Attempts after the first one that fail by the user's mistake.
constexpr int64_t kUserRetries = 2;
// Losses in a row on so many workers: a job that takes its machines down with it ("poison").
constexpr int64_t kPoisonLosses = 3;
// Losses in a row on any workers, even the same one.
constexpr int64_t kMaxLosses = 10;
// Full disks in a row after which the job is tried again at once.
constexpr int64_t kDiskFullAtOnce = 2;
// Longer than a worker is closed after its first full disks (coordinator/core/disks.cc): when it
// opens again, this job still waits, and jobs that need less space are placed first.
constexpr int64_t kFirstDiskFullMs = 20'000;
constexpr int64_t kMaxDiskFullMs = 120'000;

}  // namespace

RetryDecision DecideRetry(FailureCategory category, bool deterministic,
                          const FailureHistory& history, double uniform) {
  RetryDecision decision;
  decision.history = history;
  FailureHistory& counted = decision.history;
  const bool not_the_users = category == FailureCategory::kInfra ||
                             category == FailureCategory::kSystem;
  if (not_the_users && !deterministic && (history.disk_full || !history.started)) {
    ++counted.infra_losses;
    decision.retry = true;
    // A worker with a full disk gets no work for a while (Snapshot), and the job may run on another
    // worker at once. A job that fills one disk after another waits longer and longer, so that jobs
    // that fit get their turn.
    const int64_t beyond = history.disk_full_in_row - kDiskFullAtOnce;
    if (!history.disk_full)
      decision.backoff_ms = BackoffMs(history.unstarted_in_row + 1, uniform);
    else if (beyond >= 0)
      decision.backoff_ms = std::min(kMaxDiskFullMs,
                                     kFirstDiskFullMs << std::min<int64_t>(beyond, 8));
    return decision;
  }
  switch (category) {
    case FailureCategory::kUser:
      ++counted.user_failures;
      decision.retry = !deterministic && counted.user_failures <= kUserRetries;
      if (!decision.retry) {
        decision.reason = deterministic
                              ? "trying again cannot help"
                              : "it failed " + std::to_string(counted.user_failures) + " times";
      }
      decision.backoff_ms = BackoffMs(counted.user_failures + 1, uniform);
      break;
    case FailureCategory::kInfra: {
      ++counted.infra_losses;
      ++counted.losses_in_row;
      const bool poison = counted.losses_in_row >= kPoisonLosses &&
                          history.workers_lost_on >= kPoisonLosses;
      decision.retry = !poison && counted.losses_in_row < kMaxLosses;
      if (!decision.retry) {
        decision.reason = "it was lost " + std::to_string(counted.losses_in_row) +
                          " times in a row";
        if (poison)
          decision.reason += " on " + std::to_string(history.workers_lost_on) + " workers";
        decision.reason += " without a new checkpoint";
      }
      decision.backoff_ms = BackoffMs(counted.losses_in_row, uniform);
      break;
    }
    case FailureCategory::kPreempted:
    case FailureCategory::kCancelled:
      ++counted.preemptions;
      decision.retry = true;
      break;
    case FailureCategory::kSystem:
      ++counted.infra_losses;
      ++counted.losses_in_row;
      decision.retry = history.system_failures == 0 && !deterministic;
      if (!decision.retry)
        decision.reason = deterministic ? "trying again cannot help"
                                        : "a second worker failed in the same way";
      break;
  }
  return decision;
}

}  // namespace braid::scheduler
