#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <queue>

#include "corpus/pretokenizer.h"
#include "corpus/tokenizer.h"
#include "corpus/tokenizer_rules.h"
#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

// Pieces of more bytes are merged with a heap, in O(n log n). Scanning is O(n^2), but faster for
// short pieces, and nearly all are short.
constexpr size_t kScanLimit = 48;
constexpr size_t kCacheSlots = size_t{1} << 16;

using Rules = Tokenizer::Rules;

// Merges the pair of least rank until none is left. The ranks of adjacent pairs are kept in an
// array, as a merge changes only two of them.
void MergeByScanning(const Rules& rules, std::vector<int32_t>* symbols) {
  std::vector<int32_t>& s = *symbols;
  std::array<MergeTable::Merge, kScanLimit> merges;  // of the symbols at i and i + 1
  for (size_t i = 0; i + 1 < s.size(); ++i) merges[i] = rules.merges.Get(s[i], s[i + 1]);
  size_t count = s.size();
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == MergeTable::kNoRank) break;
    s[best] = merges[best].id;
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      s[i] = s[i + 1];
      merges[i - 1] = merges[i];
    }
    if (best > 0) merges[best - 1] = rules.merges.Get(s[best - 1], s[best]);
    if (best + 1 < count) merges[best] = rules.merges.Get(s[best], s[best + 1]);
  }
  s.resize(count);
}

// The same result for long pieces: a heap of candidate merges over a doubly linked list of symbols.
// A candidate whose symbols have changed in the meantime is skipped.
void MergeByHeap(const Rules& rules, std::vector<int32_t>* symbols) {
  struct Found {
    int32_t rank;
    int32_t at;
    int32_t left, right, id;
    bool operator>(const Found& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::vector<int32_t>& s = *symbols;
  const auto n = static_cast<int32_t>(s.size());
  std::vector<int32_t> next(s.size()), previous(s.size());
  for (int32_t i = 0; i < n; ++i) {
    next[static_cast<size_t>(i)] = i + 1 < n ? i + 1 : -1;
    previous[static_cast<size_t>(i)] = i - 1;
  }
  std::priority_queue<Found, std::vector<Found>, std::greater<>> heap;
  const auto consider = [&](int32_t at) {
    if (at < 0 || next[static_cast<size_t>(at)] < 0) return;
    const int32_t left = s[static_cast<size_t>(at)];
    const int32_t right = s[static_cast<size_t>(next[static_cast<size_t>(at)])];
    const MergeTable::Merge merge = rules.merges.Get(left, right);
    if (merge.rank != MergeTable::kNoRank) heap.push({merge.rank, at, left, right, merge.id});
  };
  for (int32_t i = 0; i < n; ++i) consider(i);
  while (!heap.empty()) {
    const Found top = heap.top();
    heap.pop();
    const auto at = static_cast<size_t>(top.at);
    // The left symbol may have been merged away (-1) or changed since the candidate was found.
    const int32_t after = s[at] == top.left ? next[at] : -1;
    if (after < 0 || s[static_cast<size_t>(after)] != top.right) continue;
    s[at] = top.id;
    const int32_t beyond = next[static_cast<size_t>(after)];
    s[static_cast<size_t>(after)] = -1;
    next[at] = beyond;
    if (beyond >= 0) previous[static_cast<size_t>(beyond)] = top.at;
    consider(previous[at]);
    consider(top.at);
  }
  std::vector<int32_t> merged;
  for (int32_t i = 0; i >= 0; i = next[static_cast<size_t>(i)])
    merged.push_back(s[static_cast<size_t>(i)]);
  s = std::move(merged);
}

void MergePiece(const Rules& rules, std::string_view piece, std::vector<int32_t>* symbols) {
  symbols->clear();
  if (!rules.whole.empty()) {
    if (const auto found = rules.whole.find(std::string(piece)); found != rules.whole.end()) {
      symbols->push_back(found->second);
      return;
    }
  }
  for (const char c : piece) {
    const int32_t id = rules.byte_ids[static_cast<unsigned char>(c)];
    if (id >= 0)
      // A byte that has no entry in the vocabulary disappears, as in `tokenizers` without <unk>.
      symbols->push_back(id);
  }
  if (symbols->empty()) return;
  if (symbols->size() <= kScanLimit) {
    MergeByScanning(rules, symbols);
  } else {
    MergeByHeap(rules, symbols);
  }
}

}  // namespace

// A direct-mapped cache: a new piece takes the slot of an older one, so the cache neither grows nor
// needs clearing. A slot is one cache line; the few pieces that do not fit are merged again each
// time.
struct Encoder::Cache {
  static constexpr size_t kPieceBytes = 24;
  static constexpr size_t kIds = 9;
  struct alignas(64) Slot {
    // Padded with zeros.
    std::array<uint64_t, kPieceBytes / 8> piece{};
    // 0: the slot is empty.
    uint8_t size = 0;
    uint8_t count = 0;
    std::array<int32_t, kIds> ids{};
  };

  // The slot of a piece of at most kPieceBytes bytes, and in `padded` the piece in the form of the
  // slot.
  Slot& SlotOf(std::string_view piece, std::array<uint64_t, kPieceBytes / 8>* padded) {
    *padded = {};
    std::memcpy(padded->data(), piece.data(), piece.size());
    uint64_t hash = piece.size();
    for (const uint64_t word : *padded) hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return slots[hash >> 48];
  }

  std::vector<Slot> slots{kCacheSlots};
  std::vector<int32_t> scratch;
};

Encoder::Encoder(std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)), cache_(std::make_unique<Cache>()) {}
Encoder::~Encoder() = default;

void Encoder::Encode(std::string_view text, std::vector<int32_t>* ids) {
  std::string repaired;
  if (!IsUtf8(text)) text = repaired = RepairUtf8(text);
  tokenizer_->rules().raw_tokens.Split(
      text, [&](std::string_view plain) { EncodeNormalized(plain, ids); },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodeNormalized(std::string_view text, std::vector<int32_t>* ids) {
  std::string composed;
  if (tokenizer_->rules().nfc && !IsSurelyNfc(text)) text = composed = Nfc(text);
  tokenizer_->rules().normalized_tokens.Split(
      text, [&](std::string_view plain) { EncodePieces(plain, ids); },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodePieces(std::string_view text, std::vector<int32_t>* ids) {
  const Rules& rules = tokenizer_->rules();
  std::vector<int32_t>& merged = cache_->scratch;
  std::array<uint64_t, Cache::kPieceBytes / 8> padded;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, FirstPiece(text));
    text.remove_prefix(piece.size());
    Cache::Slot* slot = nullptr;
    if (piece.size() <= Cache::kPieceBytes) {
      // Most pieces of a text are words that came before. Each has one place in the cache, where a
      // newer piece replaces an older one.
      slot = &cache_->SlotOf(piece, &padded);
      if (slot->size == piece.size() && slot->piece == padded) {
        ids->insert(ids->end(), slot->ids.begin(), slot->ids.begin() + slot->count);
        continue;
      }
    }
    MergePiece(rules, piece, &merged);
    ids->insert(ids->end(), merged.begin(), merged.end());
    if (slot != nullptr && merged.size() <= Cache::kIds) {
      slot->piece = padded;
      slot->size = static_cast<uint8_t>(piece.size());
      slot->count = static_cast<uint8_t>(merged.size());
      std::copy(merged.begin(), merged.end(), slot->ids.begin());
    }
  }
}

}  // namespace braid::corpus
