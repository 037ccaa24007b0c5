// The merges of a BPE as a hash table with open addressing: a lookup usually touches one cache
// line. Internal to corpus/.
#pragma once

#include <bit>
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
    const uint64_t key = Key(left, right);
    Slot& slot = slots_[Find(key)];
    if (slot.key == kEmpty) ++size_;
    slot = {key, merge};
    AddToFilter(key);
  }

  // The merge of a pair; one of rank kNoRank if there is none.
  Merge Get(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    const uint64_t bit = Hash(key) >> filter_shift_;
    if ((filter_[bit / 64] >> bit % 64 & 1) == 0) return {kNoRank, 0};
    return slots_[Find(key)].merge;
  }

  // Lets the processor fetch what Get will read.
  void Prefetch(int32_t left, int32_t right) const {
    const uint64_t hash = Hash(Key(left, right));
    __builtin_prefetch(&filter_[hash >> filter_shift_ >> 6]);
    __builtin_prefetch(slots_.data() + ((hash >> 32) & (slots_.size() - 1)));
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

  static uint64_t Hash(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }

  // The slot of the key, or the empty slot where it would be stored (linear probing).
  size_t Find(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (Hash(key) >> 32) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  void AddToFilter(uint64_t key) {
    const uint64_t bit = Hash(key) >> filter_shift_;
    filter_[bit / 64] |= uint64_t{1} << bit % 64;
  }

  // Twice the slots, each pair at its new place: at most half of them are ever taken.
  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 1024 : 2 * slots_.size());
    old.swap(slots_);
    filter_.assign(slots_.size() * kFilterBits / 64, 0);
    filter_shift_ = 64 - std::countr_zero(slots_.size() * kFilterBits);
    for (const Slot& slot : old) {
      if (slot.key == kEmpty) continue;
      slots_[Find(slot.key)] = slot;
      AddToFilter(slot.key);
    }
  }

  // The number of slots is a power of two, and at most half of them are used.
  std::vector<Slot> slots_;
  size_t size_ = 0;
  // A bit for each pair, found by its hash. Most pairs that are looked up have no merge, and of
  // these nearly all find it here to be 0, in an eighth of the memory that the slots have.
  static constexpr size_t kFilterBits = 16;  // for each slot
  std::vector<uint64_t> filter_{0};
  int filter_shift_ = 63;  // at first there is one word, and all bits are 0
};

}  // namespace braid::corpus
