#include "scheduler/lease.h"

#include <algorithm>

namespace braid::scheduler {

Link LinkOf(const WorkerContact& contact, int64_t now_ms, int64_t started_ms,
            const LeaseOptions& options) {
  // A restarted coordinator does not know when a worker was last heard of, so the time runs from
  // its own start.
  const int64_t quiet_since = contact.contacted ? contact.last_contact_ms : started_ms;
  const int64_t quiet_ms = now_ms - quiet_since;
  if (contact.session && quiet_ms <= options.ttl_ms) return Link::kReady;
  if (!contact.contacted && !contact.holds_leases) return Link::kOffline;
  if (now_ms - started_ms < options.recovery_ms) return Link::kDisconnected;
  const int64_t grace_ms = contact.local_site ? options.local_grace_ms
                                              : options.disconnect_grace_ms;
  return quiet_ms <= options.ttl_ms + grace_ms ? Link::kDisconnected : Link::kLost;
}

int64_t BackoffMs(int64_t failures_in_row, double uniform) {
  // The bound after the second failure; it doubles with each further one.
  constexpr int64_t kFirstMs = 2000;
  if (failures_in_row <= 1) return 0;
  // The bound keeps the shift from overflowing.
  const int64_t doublings = std::min<int64_t>(failures_in_row - 2, 16);
  return static_cast<int64_t>(uniform *
                              static_cast<double>(std::min(kFirstMs << doublings, kMaxBackoffMs)));
}

}  // namespace braid::scheduler
