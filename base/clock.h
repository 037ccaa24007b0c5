// Time as a dependency that is passed in. Everything that waits, expires or writes a timestamp
// takes a Clock, so that tests and the simulator advance the time instead of sleeping.
#pragma once

#include <cstdint>

namespace braid {

// A source of the current time. Implementations used by services are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01 UTC. May jump in either direction when the system's clock is set;
  // only for timestamps that people read and for records.
  virtual int64_t WallMs() const = 0;
  // Milliseconds since a fixed moment that has no meaning outside of this process. Never decreases;
  // for leases, deadlines and rates.
  virtual int64_t MonotonicMs() const = 0;
};

// The clocks of the operating system. Thread-safe; the object lives as long as the program.
const Clock& SystemClock();

// A clock that stands still until the test advances it. Not thread-safe.
class SimulatedClock final : public Clock {
 public:
  // Begins at `start_ms` of the wall clock, and at an arbitrary time of the monotonic one.
  explicit SimulatedClock(int64_t start_ms = 1'700'000'000'000) : wall_ms_(start_ms) {}
  int64_t WallMs() const override { return wall_ms_; }
  int64_t MonotonicMs() const override { return monotonic_ms_; }
  // Moves both clocks forward.
  void Advance(int64_t ms) {
    wall_ms_ += ms;
    monotonic_ms_ += ms;
  }
  // Moves the wall clock alone, forwards or backwards, as an administrator would by setting the
  // date.
  void JumpWall(int64_t ms) { wall_ms_ += ms; }

 private:
  int64_t wall_ms_;
  int64_t monotonic_ms_ = 1'000'000;
};

}  // namespace braid
