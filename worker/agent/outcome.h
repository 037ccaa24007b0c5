// The outcome of a rank (task/outcome.h) from what its program said and how its process ended. The
// categories decide whether the job is tried again (scheduler/retry.h).
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "worker/agent/event.h"
#include "worker/agent/program_message.h"
#include "worker/agent/values.h"

namespace braid::worker {

// A failure of this category. A full disk of this worker (STORAGE_FULL, DISK_FULL) is reported as
// STORAGE_FULL. `deterministic` means that another try would fail in the same way.
Outcome Failed(const std::string& category, const Status& status, const std::string& hint = "",
               bool deterministic = false);
// The failure of a rank whose inputs could not be fetched, or whose outputs could not be stored.
Outcome TransferFailed(const Status& status);
// Whether a transfer failed because bytes do not have their digest: in the store, or here.
bool IsDamaged(const Status& status);
// The failure of a rank whose input arrived damaged (IsDamaged). `stored` is the result of hashing
// the coordinator's copy again: if that is kDataLoss, the artifact is damaged for every worker;
// otherwise this worker's memory, disk or network is at fault, and another worker is tried.
Outcome DamagedInput(const Status& status, const Status& stored);

// The failure of a rank whose program ended and did not succeed. `error` is the program's own error
// event, if it wrote one; `stopped`: the rank had been asked to stop; `worker_stops`: the whole
// worker had been asked to end.
Outcome EndOfFailure(const std::optional<ErrorMessage>& error, const ProgramEnded& ended,
                     bool stopped, bool worker_stops);
// Adds exit code, signal, loss of a peer and, of a failure, the tail of the log.
void DescribeExit(const ProgramEnded& ended, Outcome* end);
// Whether the process exited with status 0, without which a reported result does not count.
bool EndedWell(const ProgramEnded& ended);

}  // namespace braid::worker
