// Keys and values of every attention of a network on the CPU, for sequences that are read side by
// side, a few tokens of each at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "trainer/kernels/row_maps.h"

namespace braid::trainer {

// The first pass meets the attentions in the order in which all later ones do, and makes their
// room.
class RowCache {
 public:
  // Room for `capacity` tokens of each sequence.
  RowCache(int64_t sequences, int64_t capacity) : sequences_(sequences), capacity_(capacity) {}

  // What the pass that begins here reads: the rows of each sequence together, those of the first
  // entry first.
  void BeginPass(std::vector<NewRows> read) {
    read_ = std::move(read);
    next_ = 0;
  }
  // The rows that the present pass reads.
  const std::vector<NewRows>& read() const { return read_; }
  // Positions up to the last one of this pass.
  int64_t positions() const {
    int64_t end = 0;
    for (const NewRows& one : read_) end = std::max(end, one.begin + one.count);
    return end;
  }

  // The room of the pass's next attention, which is one of `paths` equal ones.
  KeptKeys& Next(int64_t paths, const HeadCounts& heads, int64_t size) {
    if (next_ == kept_.size())
      kept_.push_back(KeptKeys::Make(paths, sequences_, heads, size, capacity_));
    return kept_[next_++];
  }

 private:
  const int64_t sequences_, capacity_;
  std::vector<NewRows> read_;
  size_t next_ = 0;
  std::vector<KeptKeys> kept_;
};

}  // namespace braid::trainer
