// Workers on which jobs fail one after another through no fault of their own, and the quarantine of
// such workers (scheduler/health.h decides).
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// A rank on `worker` reported `failure`, which has ended the attempt or will end it. Counts against
// the worker if it may be its fault: not a failure of the user's, a stop or a full disk (which
// disks.h is about), nor one of a gang on several workers, as nobody knows which was at fault. If
// the job failed like that on another worker before, it is suspect, and counts against none until
// it has succeeded somewhere (NoteSuccess).
void NoteFailureOn(const std::string& worker, const AttemptKey& attempt,
                   const catalog::Failure& failure, Transaction& tx);

// The attempt has succeeded: its workers are well. If the job was suspect, it is not any more, and
// its failures count against the workers on which it failed.
void NoteSuccess(const AttemptRecord& attempt, Transaction& tx);

// Ends the quarantine of the worker by hand, and forgets its failures. kNotFound for a worker that
// never registered; a worker in no quarantine succeeds.
Status Release(const std::string& worker, Transaction& tx);

// Why the worker gets no new jobs, if it is in quarantine; else empty. Also empty as long as no
// other worker is there that could do the same: whoever is alone of its kind is never passed over,
// as jobs that wait for nobody are no better than jobs that may fail.
std::string QuarantineOf(const catalog::WorkerRecord& worker, const State& state);

}  // namespace braid::coordinator
