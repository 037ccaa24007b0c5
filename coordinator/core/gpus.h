// Whose a GPU is. Several workers of a machine may announce the same one, and a job must have it
// alone.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Takes out of `hello.gpus` what belongs to other workers, and what is there twice; returns the
// former. A GPU belongs to the worker that said hello with it and got it, or is registered with it,
// while that worker is connected, was until a moment ago, or holds leases. UUIDs are unique in the
// world, so hosts are not compared: two containers of one machine have different names.
std::vector<RefusedGpu> RefuseGpus(catalog::WorkerRecord* hello, const State& state);

// Keeps what the worker announced and what of it was refused. What is new of that becomes an event,
// written by the next pass.
void NoteGpus(std::vector<catalog::GpuRecord> announced, std::vector<RefusedGpu> refused,
              LiveWorker* worker);

// Gives workers what they were refused and nobody else has any more. Returns the workers of which
// there is something to write.
std::vector<std::string> ClaimFreedGpus(Transaction& tx);

}  // namespace braid::coordinator
