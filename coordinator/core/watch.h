// Decisions that follow from the passing of time: silent workers, full disks, ranks that ended with
// their worker, gangs whose ranks lost each other. They run in the core's thread, in every step of
// its loop.
#pragma once

#include <cstdint>
#include <string>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Sets LiveWorker::link of every worker from the time since its last contact, ends the waits for
// full disks, and notes in State::changes which workers and gangs have to be watched because of the
// time that has passed. `now_ms` is monotonic. Unless it is a tick, only those workers are looked
// at that have changed. Adds no update: the events that follow wait in LiveWorker::unwritten for
// WatchWorkers.
void ObserveWorkers(State& state, const Options& options, int64_t now_ms, bool tick);

// Part of every pass; looks at the workers and attempts that have changed (State::changes). Writes
// the registrations and events that sessions (sessions.h) and ObserveWorkers left in memory; loses
// the ranks of lost workers, those of earlier boots of a worker once it does not deliver them any
// more, and ranks that a connected worker was told to run and does not have; ends stopping attempts
// whose ranks are all gone; gives freed GPUs to workers that were refused them. A fault with one
// worker or attempt does not keep the others from being watched; the faults are returned as one
// text for the log, empty if there were none.
std::string WatchWorkers(Transaction& tx);

}  // namespace braid::coordinator
