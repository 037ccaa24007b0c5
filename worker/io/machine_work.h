// Does the agent's work (agent/work.h) on this machine: with the coordinator over its link, with
// files in the worker's folder.
#pragma once

#include <string>

#include "storage/files/blob_store.h"
#include "worker/agent/event.h"
#include "worker/agent/work.h"
#include "worker/io/cached_artifacts.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

class MachineWork {
 public:
  // Both outlive it. `folder` is the worker's: ranks/ and artifacts/ are below it.
  // `cached` hears of the artifacts whose files are in the cache; it may be null.
  MachineWork(CoordinatorLink& link, storage::BlobStore& cache, std::string folder,
              CachedArtifacts* cached = nullptr)
      : link_(link), cache_(cache), folder_(std::move(folder)), cached_(cached) {}

  // Tries once, and returns when it has ended. Transfers end early after `stop`. Thread-safe.
  Done Try(int64_t id, const Work& work, const StopSignal& stop);
  // Whether it moves or hashes as many bytes as a user likes, and not just a message.
  static bool IsBulk(const Work& work);

 private:
  struct Doer;
  // If that cannot be noted, a job that needs it may be sent elsewhere, and no more.
  void NoteCached(const storage::Manifest& manifest) {
    if (cached_ != nullptr) (void)cached_->Add(manifest);
  }
  CoordinatorLink& link_;
  storage::BlobStore& cache_;
  const std::string folder_;
  CachedArtifacts* const cached_;
};

}  // namespace braid::worker
