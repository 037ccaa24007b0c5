// From what a task program said, and how it ended, to what is reported of its rank.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "worker/agent/event.h"
#include "worker/agent/program_message.h"
#include "worker/agent/values.h"

namespace braid::worker {

// A failure of this category for this reason. A disk of this worker that is full (STORAGE_FULL,
// DISK_FULL) is reported as STORAGE_FULL.
Outcome Failed(const std::string& category, const Status& status, const std::string& hint = "",
               bool deterministic = false);
// Inputs that could not be fetched, or outputs that could not be stored.
Outcome TransferFailed(const Status& status);
// Whether a transfer failed because bytes do not have their digest: in the store, or here.
bool IsDamaged(const Status& status);
// Of such a failure: `stored` is what the coordinator found when it hashed its copy again. Only
// what is damaged in the store is damaged for all.
Outcome DamagedInput(const Status& status, const Status& stored);

// The end of a rank whose program ended so, and did not say that it succeeded. `stopped`: it had
// been told to stop.
Outcome EndOfFailure(const std::optional<ErrorMessage>& error, const ProgramEnded& ended,
                     bool stopped);
// Adds how the program ended to what is reported.
void DescribeExit(const ProgramEnded& ended, Outcome* end);
// Whether the program ended as one does that said `result`.
bool EndedWell(const ProgramEnded& ended);

}  // namespace braid::worker
