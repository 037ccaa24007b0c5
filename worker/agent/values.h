// The values that a worker's decisions are about: ranks, assignments, and what the worker reports.
// Plain data; worker/rpc/ converts it to and from messages.
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

// A GPU that this worker announced and must not use, because another worker owns it
// (coordinator/core/gpus.h).
struct RefusedGpu {
  std::string uuid;
  // A sentence for people.
  std::string reason;
  bool operator==(const RefusedGpu&) const = default;
};

// A worker of another host to which this one shall test its connection (Peer in gangs.proto).
struct Peer {
  std::string worker;
  std::string boot_id;
  // Where it listens for probes, as numbers, and the secret that it knows.
  std::string address;
  int32_t probe_port = 0;
  std::string probe_key;
  // Rises when earlier results count no more.
  int64_t asked = 0;
  bool operator==(const Peer&) const = default;
};

// The result of the test (Reach in gangs.proto).
struct PeerReach {
  std::string worker;
  std::string boot_id;
  int64_t asked = 0;
  bool reached = false;
  // For people, if it was not reached.
  std::string why;
  bool operator==(const PeerReach&) const = default;
};

// The owner of a rank's results: the coordinator, by the id of its catalog, and the worker to which
// the rank was leased. Empty fields are unknown: files of an earlier version lack them.
struct Owner {
  std::string coordinator;
  std::string worker;
  bool operator==(const Owner&) const = default;
};

// The complete set of ranks that the coordinator wants of this worker (DesiredState in
// worker.proto).
struct DesiredState {
  int64_t version = 0;
  // The id of the coordinator; empty if it is of an earlier version, which does not send it.
  std::string coordinator;
  // Ranks that are not listed must stop.
  std::vector<Assignment> ranks;
  std::vector<RefusedGpu> refused_gpus;
  // Workers of other hosts to try, until another set names others.
  std::vector<Peer> peers;
  // Artifacts that are bound to this worker's site and that nobody needs any more.
  std::vector<std::string> released;
  // The longest time between two heartbeats.
  int64_t heartbeat_interval_ms = 5'000;
  // After so long without contact the worker stops its ranks, each with a checkpoint.
  int64_t isolation_timeout_ms = 24 * 3'600'000;
};

// A rank that the worker has, and how far its program is.
struct RankStatus {
  RankKey key;
  Progress progress;
};

// One heartbeat (WorkerSignal in worker.proto). The sender adds the worker's identity to a hello,
// and the free space of its disk.
struct Signal {
  // Set in the first heartbeat of a session.
  bool hello = false;
  // Version of the newest desired state that `ranks` takes into account.
  int64_t applied_version = 0;
  // All ranks of the worker.
  std::vector<RankStatus> ranks;
  // Ranks of an earlier process of the worker: their programs are gone, and something that they
  // have done is still being delivered.
  std::vector<RankKey> delivering;

  // The artifacts of which all files are in the cache; set in the first heartbeat of a session, and
  // when they have changed.
  std::optional<std::vector<std::string>> cached;
  // Those of them that are bound to this worker's site; set as `cached` is.
  std::vector<std::string> bound;
  // What came of trying the peers; set as `cached` is.
  std::optional<std::vector<PeerReach>> reach;
  bool draining = false;
  // The worker ends for good; set in its last heartbeat.
  bool leaving = false;
};

}  // namespace braid::worker
