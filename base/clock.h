// Time as something that is handed in. Everything that waits, expires or stamps takes a Clock, so
// that tests and the simulator step time instead of sleeping.
#pragma once

#include <cstdint>

namespace braid {

class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970 UTC. May jump; only for people and records.
  virtual int64_t WallMs() const = 0;
  // Milliseconds since some fixed moment. Never goes back; for leases, deadlines and rates.
  virtual int64_t MonotonicMs() const = 0;
};

// The machine's clocks. The object lives as long as the program.
const Clock& SystemClock();

// A clock that moves when told. Not thread-safe.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(int64_t start_ms = 1'700'000'000'000) : wall_ms_(start_ms) {}
  int64_t WallMs() const override { return wall_ms_; }
  int64_t MonotonicMs() const override { return monotonic_ms_; }
  void Advance(int64_t ms) {
    wall_ms_ += ms;
    monotonic_ms_ += ms;
  }
  // Moves the wall clock alone, as an administrator would.
  void JumpWall(int64_t ms) { wall_ms_ += ms; }

 private:
  int64_t wall_ms_;
  int64_t monotonic_ms_ = 1'000'000;
};

}  // namespace braid
