// Workers on which jobs fail one after another through no fault of their own, and the quarantine of
// such workers (scheduler/health.h decides).
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// A rank on `worker` reported `failure`, which has ended the attempt or will end it. Counts against
// the worker if the worker may be at fault. Failures of category user, stops and full disks
// (disks.h) do not count, nor do failures of a gang on several workers, since it is unknown which
// of them caused it. If the job failed like that on another worker before, it is suspect, and
// counts against none until it has succeeded somewhere (NoteSuccess).
void NoteFailureOn(const std::string& worker, const AttemptKey& attempt,
                   const catalog::Failure& failure, Transaction& tx);

// The attempt has succeeded: its workers are well. If the job was suspect, it is not any more, and
// its failures count against the workers on which it failed.
void NoteSuccess(const AttemptRecord& attempt, Transaction& tx);

// Ends the quarantine of the worker by hand, and forgets its failures. kNotFound for a worker that
// never registered; a worker in no quarantine succeeds.
Status Release(const std::string& worker, Transaction& tx);

// Why the worker gets no new jobs, if it is in quarantine; else empty. Also empty while no other
// worker could run the same jobs: then quarantine would only make them wait.
std::string QuarantineOf(const catalog::WorkerRecord& worker, const State& state);

}  // namespace braid::coordinator
