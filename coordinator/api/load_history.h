// How busy a worker's machine was in the last hour, in pieces of time of fixed length. A value
// without clock and thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "task/machine_load.h"

namespace braid::coordinator {

// A percentage for each piece of time, the oldest first; -1: nothing was heard. Curves about which
// nothing was ever heard in the time are empty.
struct LoadCurves {
  std::vector<int8_t> cpu, memory;
  // Means over the worker's GPUs.
  std::vector<int8_t> gpu, gpu_memory;
};

// About 500 bytes for a worker, whatever it has. All times are those of one monotonic clock.
class LoadHistory {
 public:
  static constexpr int64_t kPieceMs = 30'000;
  static constexpr size_t kPieces = 120;

  // Adds a measurement to the piece of its time, whose value is the mean of all in it. One that is
  // older than the newest counts as of its time.
  void Note(const task::MachineLoad& load, int64_t now_ms);
  // The pieces until now.
  LoadCurves Curves(int64_t now_ms) const;

 private:
  struct Curve {
    std::array<int8_t, kPieces> values;  // a ring: piece p is at p % kPieces
    // Of the newest piece.
    int32_t sum = 0, count = 0;
    Curve() { values.fill(-1); }
  };
  // Makes room for the piece.
  void MoveTo(int64_t piece);
  void Add(Curve& curve, std::optional<int64_t> percent) const;
  std::vector<int8_t> Read(const Curve& curve, int64_t now_ms) const;

  Curve cpu_, memory_, gpu_, gpu_memory_;
  int64_t newest_piece_ = -1;
};

}  // namespace braid::coordinator
