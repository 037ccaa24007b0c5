#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <queue>

#include "base/utf8.h"
#include "corpus/chat_tokens.h"
#include "corpus/corpus.h"
#include "corpus/piece_key.h"
#include "corpus/piece_scanner.h"
#include "corpus/tokenizer.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {
namespace {

// Pieces of more bytes are merged with a heap, in O(n log n). Scanning is O(n^2), but faster for
// short pieces, and nearly all are short.
constexpr size_t kScanLimit = 48;

using Rules = Tokenizer::Rules;

// A piece of at most kScanLimit symbols while its pairs are merged. Symbols keep their places; of
// two that are merged, the second one's place is left empty.
struct ShortPiece {
  // What the pair becomes whose first symbol stands at a place: rank and place as one number, of
  // which the least is found without branches, which could not be predicted.
  std::array<uint64_t, kScanLimit> order;
  std::array<int32_t, kScanLimit> merged;
  std::array<int32_t, kScanLimit> symbols;
  std::array<uint8_t, kScanLimit> next, previous;
  size_t count = 0;

  static constexpr uint64_t kNoMerge = UINT64_MAX;

  void SetMerge(size_t at, const MergeTable::Merge& merge) {
    order[at] = merge.rank == MergeTable::kNoRank ? kNoMerge : uint64_t(merge.rank) << 8 | at;
    merged[at] = merge.id;
  }

  // Merges the pair of least rank until none is left.
  void MergeAll(const MergeTable& merges) {
    if (count < 2) return;
    const size_t pairs = count - 1;
    while (true) {
      uint64_t least = order[0];
      for (size_t i = 1; i < pairs; ++i) least = order[i] < least ? order[i] : least;
      if (least == kNoMerge) return;
      const size_t at = least & 0xFF, gone = next[at], after = next[gone];
      symbols[at] = merged[at];
      next[at] = static_cast<uint8_t>(after);
      if (gone < pairs) order[gone] = kNoMerge;
      const size_t before = previous[at];
      if (at > 0) merges.Prefetch(symbols[before], symbols[at]);
      if (after < count) {
        previous[after] = static_cast<uint8_t>(at);
        SetMerge(at, merges.Get(symbols[at], symbols[after]));
      } else {
        order[at] = kNoMerge;
      }
      if (at > 0) SetMerge(before, merges.Get(symbols[before], symbols[at]));
    }
  }
};

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

// Appends the symbols of a piece of characters: the entry of each, or else its bytes.
template <typename Use>
void ForEachCharacterSymbol(const Rules& rules, std::string_view text, Use use) {
  for (size_t length = 0; !text.empty(); text.remove_prefix(length)) {
    const int32_t id = rules.characters.Of(DecodeCodePoint(text, &length));
    if (id >= 0) {
      use(id);
      continue;
    }
    for (const char c : text.substr(0, length)) use(rules.byte_ids[static_cast<unsigned char>(c)]);
  }
}

void MergeShortCharacters(const Rules& rules, std::string_view text, std::vector<int32_t>* ids) {
  ShortPiece piece;
  ForEachCharacterSymbol(rules, text, [&](int32_t id) {
    const size_t at = piece.count++;
    piece.symbols[at] = id;
    piece.next[at] = static_cast<uint8_t>(at + 1);
    piece.previous[at] = static_cast<uint8_t>(at - 1);
    if (at > 0) piece.SetMerge(at - 1, rules.merges.Get(piece.symbols[at - 1], id));
  });
  piece.MergeAll(rules.merges);
  ids->clear();
  for (size_t at = 0; at < piece.count; at = piece.next[at]) ids->push_back(piece.symbols[at]);
}

// The merges of pairs of bytes are found without hashing.
void MergeShortPiece(const Rules& rules, std::string_view text, std::vector<int32_t>* ids) {
  ShortPiece piece;
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // A byte that has no entry in the vocabulary disappears, as in `tokenizers` without <unk>.
    if (rules.byte_ids[byte] < 0) continue;
    const size_t at = piece.count++;
    piece.symbols[at] = rules.byte_ids[byte];
    piece.next[at] = static_cast<uint8_t>(at + 1);
    piece.previous[at] = static_cast<uint8_t>(at - 1);
    if (at > 0) piece.SetMerge(at - 1, rules.byte_merges[size_t{before} << 8 | byte]);
    before = byte;
  }
  piece.MergeAll(rules.merges);
  ids->clear();
  for (size_t at = 0; at < piece.count; at = piece.next[at]) ids->push_back(piece.symbols[at]);
}

void MergeLongPiece(const Rules& rules, std::string_view piece, std::vector<int32_t>* symbols) {
  symbols->clear();
  if (rules.of_characters) {
    ForEachCharacterSymbol(rules, piece, [symbols](int32_t id) { symbols->push_back(id); });
  } else {
    for (const char c : piece) {
      const int32_t id = rules.byte_ids[static_cast<unsigned char>(c)];
      if (id >= 0) symbols->push_back(id);
    }
  }
  if (!symbols->empty()) MergeByHeap(rules, symbols);
}

// The ids of a piece.
void MergePiece(const Rules& rules, std::string_view piece, std::vector<int32_t>* symbols) {
  if (!rules.whole.empty()) {
    if (const auto found = rules.whole.find(std::string(piece)); found != rules.whole.end()) {
      symbols->assign(1, found->second);
      return;
    }
  }
  if (piece.size() > kScanLimit) return MergeLongPiece(rules, piece, symbols);
  if (rules.of_characters) return MergeShortCharacters(rules, piece, symbols);
  MergeShortPiece(rules, piece, symbols);
}

}  // namespace

// The ids of pieces that were seen before, in two tables that neither grow nor need clearing: a new
// piece takes the place of an older one. Nearly all pieces are short and have few ids: two such
// pieces share a cache line, in which the one that was used last stands first. Others have a table
// of their own.
struct Encoder::Cache {
  static constexpr size_t kIds = 4;
  static constexpr size_t kBuckets = size_t{1} << 16;
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kLongSlots = size_t{1} << 13;
  static constexpr int kCountBits = 4, kCountShift = 64 - kCountBits;
  // Longer pieces are merged each time.
  static constexpr size_t kLongBytes = 256;
  // Pieces whose buckets are fetched from memory beside one another.
  static constexpr size_t kProbes = 32;

  // The ids of a piece. Their number stands in the key, above its size. If there are too many, size
  // and number are exchanged: the entry is then of no key, but says that they stand elsewhere.
  struct Entry {
    uint64_t low = 0, high = 0;  // high is 0 if the entry is empty
    std::array<int32_t, kIds> ids{};

    bool IsOf(const PieceKey& key) const {
      return ((low ^ key.low) | ((high ^ key.high) << kCountBits)) == 0;
    }
    void Set(const PieceKey& key, const std::vector<int32_t>& of_piece) {
      low = key.low;
      high = key.high | uint64_t{of_piece.size()} << kCountShift;
      std::copy(of_piece.begin(), of_piece.end(), ids.begin());
    }
    bool IsElsewhere(const PieceKey& key) const { return low == key.low && high == Marked(key); }
    void SetElsewhere(const PieceKey& key) {
      low = key.low;
      high = Marked(key);
    }
    // Appends the ids; always all places are written.
    int32_t* Put(int32_t* out) const {
      std::memcpy(out, ids.data(), sizeof ids);
      return out + (high >> kCountShift);
    }

   private:
    static uint64_t Marked(const PieceKey& key) {
      return (key.high & (UINT64_MAX >> 2 * kCountBits)) | uint64_t{key.size()} << kCountShift;
    }
  };
  struct alignas(64) Bucket {
    Entry first, second;
  };
  struct LongSlot {
    std::string piece;
    std::vector<int32_t> ids;
  };

  // A piece, and where it is looked for: null if it is too long for a bucket.
  struct Probe {
    std::string_view piece;
    PieceKey key;
    Bucket* bucket;
  };

  // Adds the ids of the first `count` probes.
  void Answer(const Rules& rules, size_t count, std::vector<int32_t>* ids);
  // Adds the ids of a piece that is not in its bucket, and keeps them.
  void AddRare(const Rules& rules, const Probe& probe, std::vector<int32_t>* ids);
  // The same of a piece that does not fit into a bucket.
  void AddLong(const Rules& rules, std::string_view piece, std::vector<int32_t>* ids);

  Cache() {
    if (buckets == nullptr) throw std::bad_alloc();
    // The table is read all over, and would have more small pages than the processor keeps in mind.
    (void)madvise(buckets.get(), kBuckets * sizeof(Bucket), MADV_HUGEPAGE);
    std::uninitialized_value_construct_n(buckets.get(), kBuckets);
  }

  struct Free {
    void operator()(Bucket* memory) const { std::free(memory); }
  };
  // On the border of a huge page.
  std::unique_ptr<Bucket, Free> buckets{
      static_cast<Bucket*>(std::aligned_alloc(kHugePage, kBuckets * sizeof(Bucket)))};
  std::vector<LongSlot> long_slots{kLongSlots};
  std::vector<int32_t> merged;
  std::array<Probe, kProbes> probes;
  size_t probed = 0;

  // Adds a piece of `text` to the probes; the ids of all are added to `ids` when they are many.
  void AddProbe(const Rules& rules, std::string_view text, size_t at, size_t size,
                std::vector<int32_t>* ids) __attribute__((always_inline)) {
    Probe& probe = probes[probed];
    probe.piece = {text.data() + at, size};
    probe.bucket = nullptr;
    if (size <= PieceKey::kKeyBytes) [[likely]] {
      probe.key = KeyOf(text, at, size);
      probe.bucket = buckets.get() + probe.key.Hash() % kBuckets;
      __builtin_prefetch(probe.bucket, /*rw=*/0);
    }
    if (++probed < kProbes) return;
    Flush(rules, ids);
  }
  void Flush(const Rules& rules, std::vector<int32_t>* ids) {
    Answer(rules, probed, ids);
    probed = 0;
  }

  // Of tokenizers with normalizers, and with other pre-tokenizers than GPT-2's.
  PatternScratch patterns;
  std::string normalized;
  CutText cut;
};

namespace {

uint64_t HashOfLong(std::string_view piece) {
  uint64_t hash = piece.size();
  for (size_t at = 0; at < piece.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, piece.data() + at, std::min<size_t>(8, piece.size() - at));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

void Encoder::Cache::Answer(const Rules& rules, size_t count, std::vector<int32_t>* ids) {
  std::array<int32_t, kProbes * kIds> found;
  int32_t* out = found.data();
  for (size_t i = 0; i < count; ++i) {
    const Probe& probe = probes[i];
    if (probe.bucket != nullptr) [[likely]] {
      Bucket& bucket = *probe.bucket;
      if (bucket.first.IsOf(probe.key)) [[likely]] {
        out = bucket.first.Put(out);
        continue;
      }
      if (bucket.second.IsOf(probe.key)) {
        std::swap(bucket.first, bucket.second);
        out = bucket.first.Put(out);
        continue;
      }
    }
    ids->insert(ids->end(), found.data(), out);
    out = found.data();
    AddRare(rules, probe, ids);
  }
  ids->insert(ids->end(), found.data(), out);
}

void Encoder::Cache::AddRare(const Rules& rules, const Probe& probe, std::vector<int32_t>* ids) {
  Bucket* const bucket = probe.bucket;
  const bool elsewhere = bucket == nullptr || bucket->first.IsElsewhere(probe.key) ||
                         bucket->second.IsElsewhere(probe.key);
  if (elsewhere) return AddLong(rules, probe.piece, ids);
  MergePiece(rules, probe.piece, &merged);
  ids->insert(ids->end(), merged.begin(), merged.end());
  Entry& entry = bucket->first.high == 0 ? bucket->first : bucket->second;
  if (merged.size() <= kIds) {
    entry.Set(probe.key, merged);
  } else {
    entry.SetElsewhere(probe.key);
  }
}

void Encoder::Cache::AddLong(const Rules& rules, std::string_view piece,
                             std::vector<int32_t>* ids) {
  if (piece.size() > kLongBytes) {
    MergePiece(rules, piece, &merged);
    ids->insert(ids->end(), merged.begin(), merged.end());
    return;
  }
  LongSlot& slot = long_slots[HashOfLong(piece) % kLongSlots];
  if (slot.piece != piece) {
    MergePiece(rules, piece, &slot.ids);
    slot.piece = piece;
  }
  ids->insert(ids->end(), slot.ids.begin(), slot.ids.end());
}

Encoder::Encoder(std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)), cache_(std::make_unique<Cache>()) {}
Encoder::~Encoder() = default;

void Encoder::Encode(std::string_view text, std::vector<int32_t>* ids) {
  std::string repaired;
  if (!IsUtf8(text)) text = repaired = RepairUtf8(text);
  const Rules& rules = tokenizer_->rules();
  rules.raw_tokens.Split(
      text,
      [&](std::string_view plain) {
        EncodeNormalized(plain, /*first=*/plain.data() == text.data(), rules.normalized_tokens,
                         ids);
      },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodeChat(std::string_view text, const std::vector<TextSpan>& markup,
                         const ChatTokens& tokens, std::vector<int32_t>* ids) {
  // Up to here `text` is encoded.
  size_t done = 0;
  // What lies between two tokens of the template is one text, whoever wrote which part of it.
  const auto encode_to = [&](size_t end) {
    tokens.raw.Split(
        text.substr(done, end - done),
        [&](std::string_view plain) {
          EncodeNormalized(plain, /*first=*/plain.data() == text.data(), tokens.normalized, ids);
        },
        [&](int32_t id) { ids->push_back(id); });
    done = end;
  };
  for (const TextSpan& span : markup) {
    size_t at = std::min(span.begin, text.size());
    tokens.markup.Split(
        text.substr(at, span.end - at), [&](std::string_view plain) { at += plain.size(); },
        [&](int32_t id) {
          encode_to(at);
          ids->push_back(id);
          done = at += tokenizer_->Bytes(id).size();
        });
  }
  encode_to(text.size());
}

void Encoder::EncodeNormalized(std::string_view text, bool first, const AddedTokens& tokens,
                               std::vector<int32_t>* ids) {
  const Rules& rules = tokenizer_->rules();
  if (!rules.normalizer.empty())
    text = rules.normalizer.Apply(text, &cache_->normalized, &cache_->patterns);
  tokens.Split(
      text,
      [&](std::string_view plain) {
        if (rules.cutter.IsGpt2()) return EncodePieces(plain, ids);
        EncodeCut(plain, first && plain.data() == text.data(), ids);
      },
      [&](int32_t id) { ids->push_back(id); });
}

void Encoder::EncodePieces(std::string_view text, std::vector<int32_t>* ids) {
  Cache& cache = *cache_;
  const Rules& rules = tokenizer_->rules();
  ForEachPiece(text, [&](size_t at, size_t size) __attribute__((always_inline)) {
    cache.AddProbe(rules, text, at, size, ids);
  });
  cache.Flush(rules, ids);
}

void Encoder::EncodeCut(std::string_view text, bool first, std::vector<int32_t>* ids) {
  Cache& cache = *cache_;
  const Rules& rules = tokenizer_->rules();
  rules.cutter.Cut(text, first, &cache.patterns, &cache.cut);
  const std::less_equal<const char*> at_most;
  for (const std::string_view piece : cache.cut.pieces) {
    // A piece of the text itself is read with the bytes behind it, which is faster.
    const bool inside = at_most(text.data(), piece.data()) &&
                        at_most(piece.data() + piece.size(), text.data() + text.size());
    if (inside) {
      cache.AddProbe(rules, text, static_cast<size_t>(piece.data() - text.data()), piece.size(),
                     ids);
    } else {
      cache.AddProbe(rules, piece, 0, piece.size(), ids);
    }
  }
  cache.Flush(rules, ids);
}

}  // namespace braid::corpus
