#include "scheduler/retry.h"

#include <algorithm>

#include "scheduler/lease.h"

namespace braid::scheduler {
namespace {

constexpr int64_t kUserRetries = 2;
constexpr int64_t kPoisonLosses = 3;
constexpr int64_t kMostLosses = 10;
constexpr int64_t kDiskFullAtOnce = 2;
// Longer than the worker is shut for (coordinator/core/disks.cc): when that is over the job still
// waits, and others are placed.
constexpr int64_t kFirstDiskFullMs = 20'000;
constexpr int64_t kMostDiskFullMs = 120'000;

}  // namespace

Blame ParseBlame(const std::string& category) {
  if (category == "user") return Blame::kUser;
  if (category == "infra") return Blame::kInfra;
  if (category == "preempted" || category == "cancelled") return Blame::kPreempted;
  return Blame::kSystem;
}

Verdict Judge(Blame blame, bool deterministic, const FailureHistory& history, double uniform) {
  Verdict verdict;
  verdict.history = history;
  FailureHistory& counted = verdict.history;
  const bool ours = blame == Blame::kInfra || blame == Blame::kSystem;
  if (ours && !deterministic && (history.disk_full || !history.started)) {
    ++counted.infra_losses;
    verdict.retry = true;
    verdict.exclude_worker = blame == Blame::kSystem;
    // A full disk is waited for where it is (Snapshot), and the job may run on another worker at
    // once. One that fills disk after disk stands back more and more, so that what fits there gets
    // its turn.
    const int64_t behind = history.disk_full_in_row - kDiskFullAtOnce;
    verdict.backoff_ms = !history.disk_full ? BackoffMs(history.unstarted_in_row + 1, uniform)
                         : behind < 0       ? 0
                                            : std::min(kMostDiskFullMs,
                                                       kFirstDiskFullMs << std::min<int64_t>(behind, 8));
    return verdict;
  }
  switch (blame) {
    case Blame::kUser:
      ++counted.user_failures;
      verdict.retry = !deterministic && counted.user_failures <= kUserRetries;
      if (!verdict.retry) {
        verdict.why_not = deterministic
                              ? "trying again cannot help"
                              : "it failed " + std::to_string(counted.user_failures) + " times";
      }
      verdict.backoff_ms = BackoffMs(counted.user_failures + 1, uniform);
      break;
    case Blame::kInfra: {
      ++counted.infra_losses;
      ++counted.losses_in_row;
      const bool poison = counted.losses_in_row >= kPoisonLosses &&
                          history.workers_lost_on >= kPoisonLosses;
      verdict.retry = !poison && counted.losses_in_row < kMostLosses;
      if (!verdict.retry) {
        verdict.why_not = "it was lost " + std::to_string(counted.losses_in_row) +
                          " times in a row on " + std::to_string(history.workers_lost_on) +
                          " workers without a new checkpoint";
      }
      verdict.backoff_ms = BackoffMs(counted.losses_in_row, uniform);
      break;
    }
    case Blame::kPreempted:
      ++counted.preemptions;
      verdict.retry = true;
      break;
    case Blame::kSystem:
      ++counted.infra_losses;
      ++counted.losses_in_row;
      verdict.retry = history.system_failures == 0 && !deterministic;
      verdict.exclude_worker = true;
      if (!verdict.retry)
        verdict.why_not = deterministic ? "trying again cannot help"
                                        : "a second worker failed in the same way";
      break;
  }
  return verdict;
}

}  // namespace braid::scheduler
