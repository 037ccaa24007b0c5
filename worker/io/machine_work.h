// Does the agent's pieces of work (worker/agent/work.h) on this machine, with calls to the
// coordinator and to other workers, and with files in the worker's folder.
#pragma once

#include <string>

#include "storage/files/blob_store.h"
#include "worker/agent/event.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/neighbours.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

// Stateless: a repeated try finds on the disk, or learns from the coordinator, how far the last one
// came.
class MachineWork {
 public:
  // `link`, `cache` and `neighbours`, which may be null, outlive this. `folder` is the worker's;
  // ranks/ and artifacts/ are below it.
  MachineWork(CoordinatorLink& link, storage::BlobStore& cache, std::string folder,
              Neighbours* neighbours = nullptr)
      : link_(link), cache_(cache), folder_(std::move(folder)), neighbours_(neighbours) {}

  // Tries the work once, and returns its result with `id`. Transfers end early once `stop` is set.
  // Blocks; thread-safe.
  Done Try(int64_t id, const Work& work, const StopSignal& stop);

  // Whether the work moves, hashes or removes files of any size, rather than sending one message.
  static bool IsBulk(const Work& work);

 private:
  struct Doer;
  CoordinatorLink& link_;
  storage::BlobStore& cache_;
  const std::string folder_;
  Neighbours* const neighbours_;
};

}  // namespace braid::worker
