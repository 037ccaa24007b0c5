// The merges of a BPE as a flat hash table: a lookup touches one cache line as a rule. Internal to
// corpus/.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::corpus {

class MergeTable {
 public:
  struct Merge {
    int32_t rank;  // smaller merges first
    int32_t id;    // the entry that left and right become
  };
  static constexpr int32_t kNoRank = INT32_MAX;

  // A later merge of the same pair replaces an earlier one.
  void Put(int32_t left, int32_t right, Merge merge) {
    if (2 * (size_ + 1) > slots_.size()) Grow();
    Slot& slot = slots_[Find(Key(left, right))];
    if (slot.key == kEmpty) ++size_;
    slot = {Key(left, right), merge};
  }

  // A merge of kNoRank if there is none.
  Merge Get(int32_t left, int32_t right) const {
    return slots_.empty() ? Merge{kNoRank, 0} : slots_[Find(Key(left, right))].merge;
  }

  size_t size() const { return size_; }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // no pair: ids are not negative
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{kNoRank, 0};
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  // The slot of the key, or the empty one where it would stand.
  size_t Find(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 1024 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) slots_[Find(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half full
  size_t size_ = 0;
};

}  // namespace braid::corpus
