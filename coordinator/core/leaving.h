// The end of ephemeral workers, those that do not come back under their id: batch jobs, for
// example. They are taken off the list of workers, which otherwise would grow without end.
#pragma once

#include <string>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// The ephemeral worker has said that it leaves: its session ends once that is committed, and the
// next pass does the rest.
void NoteLeft(const std::string& worker, Transaction& tx);

// Of a worker that has said that it leaves: what is leased to it and was not begun is queued again,
// as preempted. A part of WatchWorkers, as is the next one.
void TakeBackFromWhoLeft(const std::string& worker, Transaction& tx);

// Whoever started the ephemeral worker says that it does not run any more, and why. What is leased
// to it is lost, and it is taken off the list by the next pass.
void DeclareGone(const std::string& worker, const std::string& why, Transaction& tx);

// Takes an ephemeral worker off the list once nothing is leased to it and it has left or is
// silent. Does nothing for other workers.
void ForgetIfGone(const std::string& worker, Transaction& tx);

// Whether ForgetIfGone will find something to do, as far as that depends on the time. `now_ms` is
// monotonic.
bool IsToBeForgotten(const std::string& id, const LiveWorker& worker, const State& state,
                     const Options& options, int64_t now_ms);

// Drops what is known in memory alone of workers that were forgotten. REQUIRES: no transaction is
// open.
void DropForgotten(State& state);

}  // namespace braid::coordinator
