// How often each piece occurs in a text. Internal to corpus/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "corpus/piece_key.h"

namespace braid::corpus {

// Counts of pieces: short ones in a table of open addressing, which is all that most lookups touch,
// the few long ones apart. Grows with the number of different pieces.
class PieceCounts {
 public:
  // Counts the pieces of valid UTF-8 (pretokenizer.h).
  void AddText(std::string_view text);
  void Add(const PieceCounts& other);

  // The number of different pieces.
  size_t size() const { return used_ + long_.size(); }
  // Calls use(piece, count) for each piece, in no particular order. The view is valid during the
  // call.
  template <typename Use>
  void ForEach(Use use) const {
    for (const Slot& slot : slots_) {
      if (slot.count == 0) continue;
      const auto bytes = slot.key.Bytes();
      use(std::string_view(bytes.data(), slot.key.size()), slot.count);
    }
    for (const auto& [piece, count] : long_) use(std::string_view(piece), count);
  }

 private:
  struct Slot {
    PieceKey key;
    int64_t count = 0;  // 0: empty
  };

  // The slot of a key, or the empty one where it would be. REQUIRES: there are empty slots.
  Slot& Find(const PieceKey& key) {
    const size_t mask = slots_.size() - 1;
    size_t at = key.Hash() & mask;
    while (slots_[at].count != 0 && slots_[at].key != key) at = (at + 1) & mask;
    return slots_[at];
  }
  void Count(const PieceKey& key, int64_t count);
  void Grow();

  // Their number is a power of two, and at most half of them are used.
  std::vector<Slot> slots_;
  size_t used_ = 0;
  std::unordered_map<std::string, int64_t> long_;
};

}  // namespace braid::corpus
