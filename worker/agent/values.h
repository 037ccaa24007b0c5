// The values that a worker's decisions are made of and about: ranks, what the coordinator assigns,
// and what the worker says of itself. Plain data; the rpc layer converts it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "task/assignment.h"
#include "task/keys.h"
#include "task/outcome.h"

namespace braid::worker {

using task::Assignment;
using task::Outcome;
using task::Progress;
using task::RankKey;

// A GPU that this worker announced and must not use, because another worker has it.
struct RefusedGpu {
  std::string uuid;
  std::string reason;  // for people
  bool operator==(const RefusedGpu&) const = default;
};

// Everything that the coordinator wants of this worker (DesiredState of worker.proto).
struct DesiredState {
  int64_t version = 0;
  std::vector<Assignment> ranks;  // all that should run; everything else must stop
  std::vector<RefusedGpu> refused_gpus;
  int64_t heartbeat_interval_ms = 5'000;
  int64_t isolation_timeout_ms = 24 * 3'600'000;
};

struct RankStatus {
  RankKey key;
  Progress progress;
};

// One message of the worker on its session (WorkerSignal of worker.proto). Who sends it adds the
// identity of the worker to a hello, and the free bytes of its disk.
struct Signal {
  bool hello = false;             // the first of its session
  int64_t applied_version = 0;    // newest desired state that `ranks` takes into account
  std::vector<RankStatus> ranks;  // the whole inventory
  // The artifacts that are whole in its cache: said first in every session, and when it has
  // changed.
  std::optional<std::vector<std::string>> cached;
  bool draining = false;
};

}  // namespace braid::worker
