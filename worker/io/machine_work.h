// Does the agent's work (agent/work.h) on this machine: with the coordinator over its link, with
// files in the worker's folder.
#pragma once

#include <string>

#include "storage/files/blob_store.h"
#include "worker/agent/event.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

class MachineWork {
 public:
  // Both outlive it. `folder` is the worker's: ranks/ and artifacts/ are below it.
  MachineWork(CoordinatorLink& link, storage::BlobStore& cache, std::string folder)
      : link_(link), cache_(cache), folder_(std::move(folder)) {}

  // Tries once, and returns when it has ended. Transfers end early after `stop`. Thread-safe.
  Done Try(int64_t id, const Work& work, const StopSignal& stop);
  // Whether it moves or hashes as many bytes as a user likes, and not just a message.
  static bool IsBulk(const Work& work);

 private:
  struct Doer;
  CoordinatorLink& link_;
  storage::BlobStore& cache_;
  const std::string folder_;
};

}  // namespace braid::worker
