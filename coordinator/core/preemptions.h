// Preemption in the core: the running attempts as the scheduler sees them, and what becomes of its
// decision to stop some of them (scheduler/preempt.h). Runs in the core's thread.
#pragma once

#include <vector>

#include "coordinator/core/transaction.h"
#include "scheduler/snapshot.h"

namespace braid::coordinator {

// The attempts of a snapshot: Snapshot::running, and the attempt of each.
struct RunningAttempts {
  std::vector<scheduler::RunningView> views;
  std::vector<AttemptKey> keys;
  // When the first of those that are being stopped has taken too long, on the monotonic clock; 0:
  // none is.
  int64_t overdue_ms = 0;
};

// The attempts that are being stopped, less those that take a minute longer than they may, and
// those that may be stopped for a queued job; none unless the options allow it. `workers` are those
// of the snapshot, in the order of their ids.
RunningAttempts RunningOf(const std::vector<scheduler::WorkerView>& workers, const Transaction& tx);

// Asks an attempt to write a checkpoint and stop, because its slots are wanted for `job`. Its own
// job goes back to the queue, and on from the checkpoint.
void StopFor(const JobKey& job, const AttemptKey& attempt, Transaction& tx);

}  // namespace braid::coordinator
