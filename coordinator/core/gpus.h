// Ownership of GPUs. Several workers on one machine may announce the same GPU, but a job must have
// a GPU to itself, so one worker owns it and the others are refused it. A GPU is identified by its
// UUID, which no other GPU in the world has.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Removes from `hello->gpus` duplicates and the GPUs that another worker owns, and returns the
// latter. A worker owns a GPU that it announced and was not refused (or, before it has said hello
// to this process, that it is registered with), as long as it is connected, has lost its connection
// only a moment ago, or holds leases. Host names are not compared, because two containers of one
// machine have different ones.
std::vector<RefusedGpu> RefuseGpus(catalog::WorkerRecord* hello, const State& state);

// Stores in `worker` which GPUs it announced and which were refused. Each new refusal adds an event
// to worker->unwritten, which the next pass writes.
void NoteGpus(std::vector<catalog::GpuRecord> announced, std::vector<RefusedGpu> refused,
              LiveWorker* worker);

// Gives connected workers the GPUs that they were refused and that no other worker owns any more.
// Returns the ids of the workers whose record has to be written because of it.
std::vector<std::string> ClaimFreedGpus(Transaction& tx);

}  // namespace braid::coordinator
