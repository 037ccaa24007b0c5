// Whose a GPU is. Several workers of a machine may announce the same one, and a job must have it alone.
#pragma once

#include <vector>

#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Takes out of `hello.gpus` what belongs to other workers, and what is there twice; returns the former. A GPU belongs to the worker
// that is registered with it, while that worker is connected, was until a moment ago, or holds leases. UUIDs are unique in the
// world, so hosts are not compared: two containers of one machine have different names.
std::vector<RefusedGpu> RefuseGpus(catalog::WorkerRecord* hello, const State& state);

// Keeps what the worker announced and what of it was refused, and tells in events what is new of that.
void NoteGpus(const std::string& worker, std::vector<catalog::GpuRecord> announced, std::vector<RefusedGpu> refused, Transaction& tx);

// Gives workers what they were refused and nobody else has any more.
void ClaimFreedGpus(Transaction& tx);

}  // namespace braid::coordinator
