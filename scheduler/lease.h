// How long silence is tolerated, and how long to wait before another try.
#pragma once

#include <cstdint>

namespace braid::scheduler {

struct LeaseOptions {
  int64_t heartbeat_interval_ms = 2000;   // a worker says something at least this often
  int64_t ttl_ms = 15'000;                // silence after which a worker is disconnected
  int64_t disconnect_grace_ms = 900'000;  // how long a disconnected worker of another site keeps
                                          // its leases
  int64_t local_grace_ms = 1'000;         // of the coordinator's own site
  int64_t recovery_ms = 60'000;  // nothing expires for so long after the coordinator's start
  int64_t isolation_timeout_ms = 86'400'000;  // a worker without contact checkpoints and stops by
                                              // itself
};

enum class Link { kOffline = 1, kReady, kDisconnected, kLost };

// What a worker is that was heard last at `last_contact_ms` and has (or has not) an open session;
// monotonic times. kOffline stays: it was never heard since the coordinator's start and holds no
// lease.
struct WorkerContact {
  bool session = false;
  bool contacted = false;  // since the coordinator's start
  bool holds_leases = false;
  bool local_site = false;
  int64_t last_contact_ms = 0;
};
Link LinkOf(const WorkerContact& contact, int64_t now_ms, int64_t started_ms,
            const LeaseOptions& options);

// The longest wait of BackoffMs.
constexpr int64_t kMaxBackoffMs = 300'000;

// The wait before try `failures_in_row` + 1: nothing after the first failure, then up to 2 s, 4 s,
// ... 5 min, full jitter by `uniform` in [0, 1).
int64_t BackoffMs(int64_t failures_in_row, double uniform);

}  // namespace braid::scheduler
