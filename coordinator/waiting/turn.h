// One at a time, without waiting: whoever comes while somebody works leaves a note, and goes.
#pragma once

#include <atomic>

namespace braid::coordinator {

// Keeps the steps of one call in a row although they run in several threads:
//
//   void Wake() { if (turn_.Enter()) Step(); }
//   void Step() { ...look, read, send...; if (turn_.Leave()) Step(); }
//
// A wake-up during a step makes one more step, so none is missed. Thread-safe.
class Turn {
 public:
  // True: the turn is the caller's, until it leaves. False: somebody has it and goes around again.
  bool Enter() {
    int seen = kFree;
    while (true) {
      if (seen == kFree && state_.compare_exchange_weak(seen, kTaken)) return true;
      if (seen == kAgain) return false;
      if (seen == kTaken && state_.compare_exchange_weak(seen, kAgain)) return false;
    }
  }
  // True: somebody came meanwhile, the turn is still the caller's. REQUIRES: the caller has it.
  bool Leave() {
    int seen = kTaken;
    if (state_.compare_exchange_strong(seen, kFree)) return false;
    state_.store(kTaken);
    return true;
  }

 private:
  // kAgain: somebody came while it was taken.
  enum State : int { kFree, kTaken, kAgain };
  std::atomic<int> state_{kFree};
};

}  // namespace braid::coordinator
