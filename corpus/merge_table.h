// The merges of a BPE as a hash table with open addressing: a lookup usually touches one cache
// line. Internal to corpus/.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::corpus {

// Maps pairs of token ids to merges. Lookups are thread-safe once all merges are in.
class MergeTable {
 public:
  // What becomes of a pair.
  struct Merge {
    // Merges of smaller rank are applied first.
    int32_t rank;
    // The token that the pair becomes.
    int32_t id;
  };
  // The rank of a pair that is not merged.
  static constexpr int32_t kNoRank = INT32_MAX;

  // Stores the merge of a pair, in the place of an earlier one for the same pair.
  void Put(int32_t left, int32_t right, Merge merge) {
    if (2 * (size_ + 1) > slots_.size()) Grow();
    Slot& slot = slots_[Find(Key(left, right))];
    if (slot.key == kEmpty) ++size_;
    slot = {Key(left, right), merge};
  }

  // The merge of a pair; one of rank kNoRank if there is none.
  Merge Get(int32_t left, int32_t right) const {
    return slots_.empty() ? Merge{kNoRank, 0} : slots_[Find(Key(left, right))].merge;
  }

  size_t size() const { return size_; }

 private:
  // The key of an empty slot. It is not the key of a pair, as ids are not negative.
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{kNoRank, 0};
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  // The slot of the key, or the empty slot where it would be stored (linear probing).
  size_t Find(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  // Twice the slots, each pair at its new place: at most half of them are ever taken.
  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 1024 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) slots_[Find(slot.key)] = slot;
    }
  }

  // The number of slots is a power of two, and at most half of them are used.
  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace braid::corpus
