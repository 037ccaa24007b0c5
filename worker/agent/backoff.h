// Waiting between tries: doubling with jitter, so that workers do not come back in step.
#pragma once

#include <algorithm>
#include <cstdint>

namespace braid::worker {

class Backoff {
 public:
  Backoff(int64_t first_ms, int64_t most_ms)
      : first_ms_(first_ms), most_ms_(most_ms), bound_ms_(first_ms) {}
  // How long to wait before the next try; `draw` is uniform in [0, 1). Between half the bound and
  // the bound.
  int64_t Next(double draw) {
    const auto wait = static_cast<int64_t>(static_cast<double>(bound_ms_) * (0.5 + 0.5 * draw));
    bound_ms_ = std::min(most_ms_, bound_ms_ * 2);
    return wait;
  }
  void Reset() { bound_ms_ = first_ms_; }

 private:
  int64_t first_ms_;
  int64_t most_ms_;
  int64_t bound_ms_;
};

}  // namespace braid::worker
