// Decides when a worker ends by itself: after a time without work, or at a fixed time after its
// start. Without a clock: each call gets the time.
#pragma once

#include <cstdint>
#include <string>

#include "worker/agent/turn.h"

namespace braid::worker {

// The limits; kNever: no limit.
struct StayLimits {
  // The worker leaves after this time without work, even if the reason is that it does not reach
  // the coordinator.
  int64_t until_idle_ms = kNever;
  // The worker has ended by this time after its start.
  int64_t max_time_ms = kNever;
};

// The stage of one worker.
class Stay {
 public:
  // The stages, in this order.
  //
  //   kOpen      takes every rank that it is given
  //   kLastWork  goes on with the ranks that run, and takes no new ones: there is no time for them
  //   kLeave     hands the ranks that run back to the coordinator, and ends the worker
  enum class Stage { kOpen, kLastWork, kLeave };

  // The worker starts at `now_ms`.
  Stay(const StayLimits& limits, int64_t now_ms);

  // Whether the worker has something to do now; to be called after each event, in their order.
  void Observe(bool busy, int64_t now_ms);

  Stage StageAt(int64_t now_ms) const;
  // The earliest time after `now_ms` at which the stage will change without an event; kNever if
  // there is none.
  int64_t NextWake(int64_t now_ms) const;

  // In kLeave: how long handing back may take, so that the worker is gone in its time. At other
  // times the same for a worker that has been asked to leave early and need not hurry.
  int64_t LeaveWithinMs(int64_t now_ms) const;
  // In kLeave: why, for people.
  std::string Why(int64_t now_ms) const;

 private:
  bool IsIdle(int64_t now_ms) const;

  const StayLimits limits_;
  // When the worker begins to leave, and since when it takes nothing; kNever without max_time.
  int64_t leave_ms_ = kNever;
  int64_t last_work_ms_ = kNever;
  int64_t end_ms_ = kNever;
  bool busy_ = false;
  // Since when it has had nothing to do.
  int64_t idle_since_ms_;
};

}  // namespace braid::worker
