#include "corpus/piece_counts.h"

#include "corpus/piece_scanner.h"

namespace braid::corpus {

void PieceCounts::AddText(std::string_view text) {
  ForEachPiece(text, [&](size_t begin, size_t size) {
    if (size <= PieceKey::kKeyBytes) [[likely]] {
      Count(KeyOf(text, begin, size), 1);
    } else {
      ++long_[std::string(text.substr(begin, size))];
    }
  });
}

void PieceCounts::Add(const PieceCounts& other) {
  for (const Slot& slot : other.slots_) {
    if (slot.count != 0) Count(slot.key, slot.count);
  }
  for (const auto& [piece, count] : other.long_) long_[piece] += count;
}

void PieceCounts::Count(const PieceKey& key, int64_t count) {
  if (2 * (used_ + 1) > slots_.size()) Grow();
  Slot& slot = Find(key);
  if (slot.count == 0) {
    slot.key = key;
    ++used_;
  }
  slot.count += count;
}

void PieceCounts::Grow() {
  std::vector<Slot> old(slots_.empty() ? 4096 : 2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.count != 0) Find(slot.key) = slot;
  }
}

}  // namespace braid::corpus
