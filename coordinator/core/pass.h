// The scheduling pass: the state becomes a snapshot for scheduler::Schedule, and its grants become
// attempts.
#pragma once

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Grants an attempt to every queued job that the scheduling policies place, and notes in
// Transaction::pending why each other one waits. A job whose grant fails does not keep the others
// from theirs.
//
// Does nothing if nothing has changed that a pass depends on (State::changes), and looks only at
// the jobs that may be placed (JobQueue). A pass that took long is followed by a pause of twice
// that time.
void SchedulePass(Transaction& tx);

// The beginning of the text that says why a job waits, if its grant failed because of a fault in
// braid.
inline constexpr char kNotGranted[] = "a fault of braid keeps it from being granted: ";

// True for a while after the start, as long as some worker that holds leases in the catalog has not
// contacted this process: its jobs may still be running. `now_ms` is monotonic.
bool Recovering(const State& state, const Options& options, int64_t now_ms);

}  // namespace braid::coordinator
