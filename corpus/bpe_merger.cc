#include "corpus/bpe_merger.h"

#include <utility>

namespace braid::corpus {
namespace {

constexpr uint64_t kNoKey = UINT64_MAX;  // not that of a pair: ids are not negative

uint64_t KeyOfPair(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

BpeMerger::BpeMerger(const PieceCounts& pieces, const std::array<int32_t, 256>& byte_ids,
                     std::vector<std::string> tokens)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) ids_[tokens_[i]] = static_cast<int32_t>(i);
  words_.reserve(pieces.size());
  pieces.ForEach([&](std::string_view piece, int64_t count) {
    words_.push_back({symbols_.size(), piece.size(), count});
    for (const char c : piece) symbols_.push_back(byte_ids[static_cast<unsigned char>(c)]);
  });
  // The pairs of bytes, which are all that there is at first, are found without hashing.
  std::vector<uint32_t> known(size_t{65536}, UINT32_MAX);
  for (uint32_t w = 0; w < words_.size(); ++w) {
    const Word& word = words_[w];
    const int32_t* s = symbols_.data() + word.begin;
    for (size_t i = 0; i + 1 < word.size; ++i) {
      // Ids of bytes begin at 1.
      uint32_t& pair =
          known[static_cast<size_t>(s[i] - 1) << 8 | static_cast<size_t>(s[i + 1] - 1)];
      if (pair == UINT32_MAX) pair = PairOf(s[i], s[i + 1]);
      Occurs(pair, w, word.count);
    }
  }
  for (uint32_t i = 0; i < pairs_.size(); ++i) heap_.push({pairs_[i].count, pairs_[i].ids, i});
}

bool BpeMerger::Step() {
  while (!heap_.empty()) {
    const Candidate top = heap_.top();
    heap_.pop();
    const int64_t count = pairs_[top.pair].count;
    // The count is out of date, since other merges took some of the pair's places. It goes back
    // with the present one; only counts that grew are pushed at once.
    if (count != top.count) {
      heap_.push({count, top.ids, top.pair});
      continue;
    }
    if (count < 1) return false;
    Apply(top.pair);
    return true;
  }
  return false;
}

void BpeMerger::Apply(uint32_t pair) {
  const IdPair ids = pairs_[pair].ids;
  std::string text = tokens_[static_cast<size_t>(ids.first)] +
                     tokens_[static_cast<size_t>(ids.second)];
  // Two sequences of merges may lead to the same text. The merge is recorded, but there is no new
  // entry.
  const auto [entry, fresh] = ids_.emplace(text, static_cast<int32_t>(tokens_.size()));
  if (fresh) tokens_.push_back(std::move(text));
  merges_.push_back(ids);
  grown_.clear();
  const std::vector<uint32_t> words = std::exchange(pairs_[pair].words, {});
  for (const uint32_t word : words) MergeIn(word, ids, entry->second);
  for (const uint32_t grown : grown_) {
    const Pair& changed = pairs_[grown];
    if (changed.count > 0) heap_.push({changed.count, changed.ids, grown});
  }
}

void BpeMerger::MergeIn(uint32_t w, IdPair pair, int32_t id) {
  Word& word = words_[w];
  int32_t* s = symbols_.data() + word.begin;
  const auto lose = [&](int32_t left, int32_t right) {
    pairs_[PairOf(left, right)].count -= word.count;
  };
  const auto gain = [&](int32_t left, int32_t right) {
    const uint32_t gained = PairOf(left, right);
    Occurs(gained, w, word.count);
    if (pairs_[gained].grown_by == merges_.size()) return;
    pairs_[gained].grown_by = merges_.size();
    grown_.push_back(gained);
  };
  size_t to = 0;
  for (size_t from = 0; from < word.size;) {
    if (from + 1 >= word.size || s[from] != pair.first || s[from + 1] != pair.second) {
      s[to++] = s[from++];
      continue;
    }
    if (to > 0) {
      lose(s[to - 1], pair.first);
      gain(s[to - 1], id);
    }
    from += 2;
    if (from < word.size) {
      lose(pair.second, s[from]);
      gain(id, s[from]);
    }
    s[to++] = id;
  }
  word.size = to;
}

void BpeMerger::Occurs(uint32_t pair, uint32_t word, int64_t count) {
  Pair& entry = pairs_[pair];
  entry.count += count;
  if (entry.words.empty() || entry.words.back() != word) entry.words.push_back(word);
}

uint32_t BpeMerger::PairOf(int32_t left, int32_t right) {
  if (2 * (pairs_.size() + 1) > slots_.size()) GrowTable();
  const uint64_t key = KeyOfPair(left, right);
  Slot& slot = slots_[SlotOf(key)];
  if (slot.key == kNoKey) {
    slot = {key, static_cast<uint32_t>(pairs_.size())};
    pairs_.push_back({{left, right}});
  }
  return slot.pair;
}

size_t BpeMerger::SlotOf(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = (key * 0x9E3779B97F4A7C15u >> 32) & mask;
  while (slots_[at].key != key && slots_[at].key != kNoKey) at = (at + 1) & mask;
  return at;
}

void BpeMerger::GrowTable() {
  std::vector<Slot> old(slots_.empty() ? size_t{1} << 16 : 2 * slots_.size(), Slot{kNoKey, 0});
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.key != kNoKey) slots_[SlotOf(slot.key)] = slot;
  }
}

}  // namespace braid::corpus
