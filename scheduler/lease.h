// Leases: how long a worker may be silent before its work is given to others, and how long to wait
// before a job is tried again.
#pragma once

#include <cstdint>

namespace braid::scheduler {

// All times in milliseconds. A worker is "silent" while the coordinator receives nothing from it.
struct LeaseOptions {
  // The longest pause between two messages of a worker that works well.
  int64_t heartbeat_interval_ms = 2000;
  // A worker that is silent for longer counts as disconnected. It keeps its leases.
  int64_t ttl_ms = 15'000;
  // How much longer a disconnected worker of another site keeps its leases: it may go on with its
  // work and report later, when the network is back.
  int64_t disconnect_grace_ms = 900'000;
  // The same for workers at the coordinator's own site, where silence means that the worker has
  // ended.
  int64_t local_grace_ms = 1'000;
  // No lease expires for this time after the coordinator's start, while workers come back.
  int64_t recovery_ms = 60'000;
  // How long the attempt of a rank whose worker was restarted waits for what the worker kept on its
  // disk: the rank's end, or its newest checkpoint.
  int64_t delivery_ms = 3'600'000;
  // A worker without contact to the coordinator writes checkpoints and stops its work after this
  // time.
  int64_t isolation_timeout_ms = 86'400'000;
};

// The state of the connection to a worker. kOffline: no contact since the coordinator's start, and
// no leases. kReady: connected. kDisconnected: silent, but keeps its leases for the grace. kLost:
// silent for longer; its leases are ended.
enum class Link { kOffline = 1, kReady, kDisconnected, kLost };

// What the coordinator knows about the contact to a worker; monotonic times.
struct WorkerContact {
  // The worker has an open session.
  bool session = false;
  // There was contact with the worker since the coordinator's start.
  bool contacted = false;
  bool holds_leases = false;
  bool local_site = false;
  // The time of the last message of the worker, if `contacted`.
  int64_t last_contact_ms = 0;
};

// Returns the state of the connection at `now_ms`. `started_ms` is when the coordinator started.
// All times are monotonic.
Link LinkOf(const WorkerContact& contact, int64_t now_ms, int64_t started_ms,
            const LeaseOptions& options);

// The longest result of BackoffMs.
constexpr int64_t kMaxBackoffMs = 300'000;

// How long to wait after that many failures in a row: 0 after the first, then a random time of up
// to 2 s, 4 s, ... 5 min. `uniform`, a random number in [0, 1), spreads the retries of many jobs
// ("full jitter").
int64_t BackoffMs(int64_t failures_in_row, double uniform);

}  // namespace braid::scheduler
