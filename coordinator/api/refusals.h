// The rate limit for audit rows of refused calls.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/mutex.h"

namespace braid::coordinator {

// A token bucket that counts the calls for which it had no token. Thread-safe.
class Refusals {
 public:
  // Called for each refused call; `now_ms` is monotonic. -1: write no row. Otherwise write one; the
  // result is the number of calls since the last row that were left out.
  int64_t Take(int64_t now_ms) {
    MutexLock lock(mutex_);
    tokens_ = std::min(kMost, tokens_ + static_cast<double>(now_ms - last_ms_) * kEachMs);
    last_ms_ = now_ms;
    if (tokens_ < 1) {
      ++left_out_;
      return -1;
    }
    tokens_ -= 1;
    const int64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  static constexpr double kMost = 200;     // at once
  static constexpr double kEachMs = 0.01;  // ten a second

  Mutex mutex_;
  double tokens_ BRAID_GUARDED_BY(mutex_) = kMost;
  int64_t last_ms_ BRAID_GUARDED_BY(mutex_) = 0;
  int64_t left_out_ BRAID_GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::coordinator
