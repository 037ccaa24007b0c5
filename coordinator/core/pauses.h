// Pausing a run and letting it go on. The jobs of a paused run are granted nothing; what ran is
// stopped with a checkpoint if it writes any, and goes on from it later. Runs in the core's thread.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Pauses the run for `reason`, in one line, in the name of `by`; both may be empty. A run that is
// paused already stays as it is, with the reason that it has. kNotFound for an unknown run,
// kFailedPrecondition (TERMINAL_STATE) for one that has ended or is being cancelled,
// kInvalidArgument for a reason that is too long or has several lines.
Status Pause(const std::string& run, const std::string& by, const std::string& reason,
             Transaction& tx);

// Lets the run go on; does nothing if it is not paused. kNotFound for an unknown run,
// kFailedPrecondition (TERMINAL_STATE) for one that has ended.
Status Resume(const std::string& run, const std::string& by, Transaction& tx);

// Whether pausing its run stops this attempt. An attempt of another kind of job, which would have
// to begin anew, ends by itself, and one that is being stopped already goes on as it was told.
bool StopsForPause(const std::string& job_kind, const AttemptRecord& attempt);

}  // namespace braid::coordinator
