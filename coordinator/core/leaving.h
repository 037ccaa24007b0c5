// The end of ephemeral workers, those that do not come back under their id: batch jobs, for
// example. They are taken off the list of workers, which otherwise would grow without end.
#pragma once

#include <string>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Records that the ephemeral worker has announced its end. Its session ends once that is committed;
// the next pass does the rest.
void NoteLeft(const std::string& worker, Transaction& tx);

// For a worker that has announced its end: queues jobs again, as preempted, whose attempts are
// leased to it and have not started. Part of WatchWorkers.
void TakeBackFromWhoLeft(const std::string& worker, Transaction& tx);

// The agent of the pool that started the ephemeral worker reports that it has ended, and why. Ranks
// leased to it are lost, and the next pass removes it from the list.
void DeclareGone(const std::string& worker, const std::string& why, Transaction& tx);

// Takes an ephemeral worker off the list once nothing is leased to it and it has left or is
// silent. Does nothing for other workers.
void ForgetIfGone(const std::string& worker, Transaction& tx);

// Whether ForgetIfGone will find something to do, as far as that depends on the time. `now_ms` is
// monotonic.
bool IsToBeForgotten(const std::string& id, const LiveWorker& worker, const State& state,
                     const Options& options, int64_t now_ms);

// Drops the LiveWorker entries of workers whose rows were removed. REQUIRES: no transaction is
// open.
void DropForgotten(State& state);

}  // namespace braid::coordinator
