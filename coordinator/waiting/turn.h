// Mutual exclusion without blocking: a thread that arrives while another one works leaves a note
// and returns.
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
  // True: the caller has the turn until it calls Leave. False: another thread has it, and will make
  // one more step.
  bool Enter() {
    int seen = kFree;
    while (true) {
      if (seen == kFree && state_.compare_exchange_weak(seen, kTaken)) return true;
      if (seen == kAgain) return false;
      if (seen == kTaken && state_.compare_exchange_weak(seen, kAgain)) return false;
    }
  }
  // True: another thread arrived meanwhile; the caller keeps the turn and must make one more step.
  // REQUIRES: the caller has it.
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
