// A flag that is set once and that many threads may wait for. Thread-safe.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/mutex.h"

namespace braid::worker {

// Ends transfers early: a transfer checks it between pieces.
class StopSignal {
 public:
  // Sets the flag, for good, and wakes all waiters.
  void Set() {
    MutexLock lock(mutex_);
    set_ = true;
    changed_.NotifyAll();
  }
  // Whether Set was called.
  bool IsSet() const {
    MutexLock lock(mutex_);
    return set_;
  }

  // Sleeps for `ms` milliseconds or until the flag is set; returns whether it is set.
  bool WaitFor(int64_t ms) const {
    const int64_t deadline = SystemClock().MonotonicMs() + ms;
    MutexLock lock(mutex_);
    while (!set_) {
      const int64_t left = deadline - SystemClock().MonotonicMs();
      if (left <= 0) return false;
      changed_.WaitFor(mutex_, left);
    }
    return true;
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool set_ BRAID_GUARDED_BY(mutex_) = false;
};

}  // namespace braid::worker
