// Runs and jobs that take longer than their recipe allows (max_duration): they are stopped with a
// checkpoint, and fail.
#pragma once

#include <optional>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Stops live attempts whose job or run has taken as long as it may, and ends the jobs of such runs
// that wait for workers. Part of every pass.
void WatchTimeLimits(Transaction& tx);

// What a job fails with whose attempt is to end now without success, if the time of the job or of
// its run is up: there is none left for another attempt.
std::optional<catalog::Failure> TimeIsUp(const AttemptKey& attempt, const Transaction& tx);

}  // namespace braid::coordinator
