#include <algorithm>
#include <functional>
#include <queue>

#include "corpus/pieces.h"
#include "corpus/tokenizer.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {
namespace {

// Pieces above this many bytes are merged with a heap (n log n), shorter ones by scanning, which is faster for them.
constexpr size_t kScanLimit = 48;
// Longer pieces are rarely seen twice.
constexpr size_t kCachedPiece = 48;
constexpr size_t kCacheSlots = size_t{1} << 16;

using Rules = Tokenizer::Rules;

void MergeByScanning(const Rules& rules, std::vector<int32_t>* symbols) {
  std::vector<int32_t>& s = *symbols;
  while (s.size() > 1) {
    int32_t best_rank = INT32_MAX;
    int32_t best_id = 0;
    size_t best = 0;
    for (size_t i = 0; i + 1 < s.size(); ++i) {
      const auto found = rules.merges.find(Rules::Key(s[i], s[i + 1]));
      if (found != rules.merges.end() && found->second.rank < best_rank) {
        best_rank = found->second.rank;
        best_id = found->second.id;
        best = i;
      }
    }
    if (best_rank == INT32_MAX) return;
    s[best] = best_id;
    s.erase(s.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

// The same result for long pieces: a heap of candidate merges over a linked list; stale candidates are skipped.
void MergeByHeap(const Rules& rules, std::vector<int32_t>* symbols) {
  struct Candidate {
    int32_t rank;
    int32_t at;
    int32_t left, right, id;
    bool operator>(const Candidate& other) const {
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
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto consider = [&](int32_t at) {
    if (at < 0 || next[static_cast<size_t>(at)] < 0) return;
    const int32_t left = s[static_cast<size_t>(at)];
    const int32_t right = s[static_cast<size_t>(next[static_cast<size_t>(at)])];
    const auto found = rules.merges.find(Rules::Key(left, right));
    if (found != rules.merges.end()) heap.push({found->second.rank, at, left, right, found->second.id});
  };
  for (int32_t i = 0; i < n; ++i) consider(i);
  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    const auto at = static_cast<size_t>(top.at);
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
  for (int32_t i = 0; i >= 0; i = next[static_cast<size_t>(i)]) merged.push_back(s[static_cast<size_t>(i)]);
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
    if (id >= 0) symbols->push_back(id);  // a byte without an entry and without <unk> vanishes, as in `tokenizers`
  }
  if (symbols->empty()) return;
  if (symbols->size() <= kScanLimit) {
    MergeByScanning(rules, symbols);
  } else {
    MergeByHeap(rules, symbols);
  }
}

// Calls `plain` for text between added tokens and `token` for each of them: leftmost, then longest.
void SplitAtTokens(std::string_view text, const std::vector<AddedToken>& tokens,
                   const std::function<void(std::string_view)>& plain, const std::function<void(int32_t)>& token) {
  if (tokens.empty()) {
    if (!text.empty()) plain(text);
    return;
  }
  std::array<bool, 256> begins{};
  for (const AddedToken& added : tokens) begins[static_cast<unsigned char>(added.content[0])] = true;
  size_t from = 0;
  for (size_t at = 0; at < text.size();) {
    const AddedToken* longest = nullptr;
    if (begins[static_cast<unsigned char>(text[at])]) {
      for (const AddedToken& added : tokens) {
        if (text.compare(at, added.content.size(), added.content) == 0 &&
            (longest == nullptr || added.content.size() > longest->content.size())) {
          longest = &added;
        }
      }
    }
    if (longest == nullptr) {
      ++at;
      continue;
    }
    if (at > from) plain(text.substr(from, at - from));
    token(longest->id);
    from = at += longest->content.size();
  }
  if (from < text.size()) plain(text.substr(from));
}

}  // namespace

// Direct-mapped: a newer piece takes the slot of an older one. No growth, no clearing.
struct Encoder::Cache {
  struct Slot {
    std::string piece;
    std::vector<int32_t> ids;
  };
  std::vector<Slot> slots{kCacheSlots};
  std::vector<int32_t> scratch;
};

Encoder::Encoder(std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)), cache_(std::make_unique<Cache>()) {}
Encoder::~Encoder() = default;

void Encoder::Encode(std::string_view text, std::vector<int32_t>* ids) {
  std::string repaired;
  if (!IsUtf8(text)) text = repaired = RepairUtf8(text);
  SplitAtTokens(
      text, tokenizer_->rules().raw_tokens, [&](std::string_view plain) { EncodeNormalized(plain, ids); },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodeNormalized(std::string_view text, std::vector<int32_t>* ids) {
  std::string composed;
  if (tokenizer_->rules().nfc && !IsAscii(text)) text = composed = Nfc(text);
  SplitAtTokens(
      text, tokenizer_->rules().normalized_tokens, [&](std::string_view plain) { EncodePieces(plain, ids); },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodePieces(std::string_view text, std::vector<int32_t>* ids) {
  const Rules& rules = tokenizer_->rules();
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, FirstPiece(text));
    text.remove_prefix(piece.size());
    if (piece.size() > kCachedPiece) {
      MergePiece(rules, piece, &cache_->scratch);
      ids->insert(ids->end(), cache_->scratch.begin(), cache_->scratch.end());
      continue;
    }
    Cache::Slot& slot = cache_->slots[std::hash<std::string_view>()(piece) % kCacheSlots];
    if (slot.piece != piece) {
      MergePiece(rules, piece, &slot.ids);
      slot.piece = piece;
    }
    ids->insert(ids->end(), slot.ids.begin(), slot.ids.end());
  }
}

}  // namespace braid::corpus
