// Exponential backoff with jitter: bounds double, and each pause is random, so that workers that
// lost their coordinator at the same moment do not all come back at the same moment. (The pauses
// between attempts of a job are the coordinator's: scheduler::BackoffMs.)
#pragma once

#include <algorithm>
#include <cstdint>

namespace braid::worker {

// Has no clock and draws nothing itself.
class Backoff {
 public:
  // Bounds start at `first_ms` and end at `most_ms`.
  Backoff(int64_t first_ms, int64_t most_ms)
      : first_ms_(first_ms), most_ms_(most_ms), bound_ms_(first_ms) {}

  // The pause before the next try in milliseconds, between half of the bound and the bound. `draw`
  // is a uniform random number in [0, 1).
  int64_t Next(double draw) {
    const auto wait = static_cast<int64_t>(static_cast<double>(bound_ms_) * (0.5 + 0.5 * draw));
    bound_ms_ = std::min(most_ms_, bound_ms_ * 2);
    return wait;
  }
  // To be called after a success: the next pause is short again.
  void Reset() { bound_ms_ = first_ms_; }

 private:
  int64_t first_ms_;
  int64_t most_ms_;
  int64_t bound_ms_;
};

}  // namespace braid::worker
