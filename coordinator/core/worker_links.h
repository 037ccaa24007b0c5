// What is noted about a worker's connection, for the decisions about its sessions (sessions.h), its
// silence (watch.h) and its work (admission.h).
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/state.h"

namespace braid::coordinator {

// Every rank of a live attempt that is leased to the worker.
std::vector<RankKey> RanksOn(const std::string& worker, const State& state);

// As the worker said hello to this process, else as it is registered. The reference is to the
// worker or to the state.
const catalog::WorkerRecord& RecordOf(const std::string& id, const LiveWorker& worker,
                                      const State& state);

// Keeps the event until a pass can write it (LiveWorker::unwritten). The oldest are dropped if they
// become too many.
void NoteEvent(LiveWorker& worker, catalog::WorkerLinkChanged event);

// Sets LiveWorker::link, with an event if people should know of the change.
void SetLink(const std::string& id, LiveWorker& worker, scheduler::Link link);

}  // namespace braid::coordinator
