// The worker's session with the coordinator: one stream for signals, dialled again with backoff
// whenever it breaks.
#pragma once

#include <string>

#include "base/status.h"
#include "worker/cached_artifacts.h"
#include "worker/rpc/link.h"
#include "worker/stop_signal.h"
#include "worker/supervisor.h"

namespace braid::worker {

struct Identity {
  std::string worker_id;
  std::string boot_id;
  std::string site;
  std::map<std::string, std::string> labels;
  std::vector<std::string> kinds;
  int32_t cpu_slots = 1;
  std::vector<Gpu> gpus;
  std::string version;
  std::string instance;  // of its folder, for good
  std::string folder;    // of its cache and ranks
};

// Runs until `stop` is set (OK) or the coordinator says that another worker has this id:
// WORKER_REPLACED, or for 20 s on end ALREADY_EXISTS (both kAlreadyExists). While the coordinator
// is away the ranks go on; after the cut-off they stop with a checkpoint.
Status RunSession(const Identity& identity, RpcLink& link, Supervisor& supervisor,
                  const CachedArtifacts& cached, StopSignal& stop);

}  // namespace braid::worker
