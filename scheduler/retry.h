// The decision whether a failed attempt is followed by another one, and which counter it raises.
#pragma once

#include <cstdint>
#include <string>

#include "task/failure.h"

namespace braid::scheduler {

// What happened to a job. Counters do not include the present failure unless they say so.
struct FailureHistory {
  int64_t user_failures = 0;
  int64_t infra_losses = 0;
  int64_t preemptions = 0;
  // Failures of category infra (and system) since the newest checkpoint.
  int64_t losses_in_row = 0;
  // Earlier attempts whose program ran and that ended with category system.
  int64_t system_failures = 0;
  // The number of different workers among the losses in a row, this one included; without those
  // where the failure was certain on that machine.
  int64_t workers_lost_on = 0;
  // The program of this attempt was started.
  bool started = true;
  // How many attempts directly before this one ended before their program was started.
  int64_t unstarted_in_row = 0;
  // This attempt failed because its worker's disk was full.
  bool disk_full = false;
  // How many attempts directly before this one failed for that reason.
  int64_t disk_full_in_row = 0;
};

using task::FailureCategory;

// The decision about a failed attempt.
struct RetryDecision {
  bool retry = false;
  // The counters with this failure added.
  FailureHistory history;
  // How long the next attempt has to wait.
  int64_t backoff_ms = 0;
  // Why there is no other attempt, for people; empty if there is one.
  std::string reason;
};

// Decides by the category of the failure:
//
//   user       two more attempts; none if it is deterministic
//   infra      another attempt, unless the job's program was lost three times in a row on three
//              workers, or ten times on any, without a new checkpoint: the job itself is
//              suspect then. What is certain to fail on a machine (deterministic), as for want of
//              a plug-in, does not make the job suspect, but counts among the ten
//   preempted  always another attempt (and so for cancelled, which a worker may report)
//   system     one more attempt, on another worker (JobView::excluded)
//
// A failure before the program ran, or for lack of room on a worker's disk, tells nothing about the
// job: it is tried again without limit, after longer and longer pauses (of category system:
// elsewhere), and does not count as a loss in a row. `uniform` is a random number in [0, 1) for the
// back-off.
RetryDecision DecideRetry(FailureCategory category, bool deterministic,
                          const FailureHistory& history, double uniform);

}  // namespace braid::scheduler
