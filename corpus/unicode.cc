#include "corpus/unicode.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"
#include "corpus/unicode_tables.h"

namespace braid::corpus {
namespace {

constexpr uint32_t kCodePoints = 0x110000;
constexpr uint32_t kBlock = 256;

// A value for each code point. Equal blocks of 256 code points are stored once, which keeps the
// table in the cache.
class ValueTable {
 public:
  ValueTable(const uint32_t* runs, size_t count) {
    std::vector<uint8_t> all(kCodePoints);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t end = i + 1 < count ? runs[i + 1] >> 8 : kCodePoints;
      std::fill(all.begin() + (runs[i] >> 8), all.begin() + end,
                static_cast<uint8_t>(runs[i] & 0xFF));
    }
    std::unordered_map<std::string, uint16_t> seen;
    for (uint32_t block = 0; block < kCodePoints / kBlock; ++block) {
      const std::string values(reinterpret_cast<const char*>(all.data()) + block * kBlock, kBlock);
      const auto [known, fresh] = seen.emplace(values, static_cast<uint16_t>(seen.size()));
      if (fresh) values_.insert(values_.end(), values.begin(), values.end());
      blocks_[block] = known->second;
    }
  }

  uint8_t operator[](uint32_t c) const {
    return c < kCodePoints ? values_[blocks_[c / kBlock] * kBlock + c % kBlock] : values_.back();
  }

 private:
  std::array<uint16_t, kCodePoints / kBlock> blocks_{};
  std::vector<uint8_t> values_;
};

// The syllables of Hangul are composed by arithmetic (Unicode, section 3.12).
constexpr uint32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr uint32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28,
                   kSyllableCount = kLeadCount * kVowelCount * kTailCount;

// Canonical decomposition, ordering and composition, as Unicode Standard Annex 15 defines them.
// "Class" is the canonical combining class; a character of class 0 is a starter.
class Composer {
 public:
  Composer() : classes_(kCombiningRuns, kCombiningRunCount) {
    for (size_t i = 0; i < kDecompositionCount; ++i) {
      const Decomposition& one = kDecompositions[i];
      parts_[one.character] = {one.first, one.second};
      if (one.composes) wholes_[Key(one.first, one.second)] = one.character;
      active_[one.composes ? one.second : one.character] = true;
    }
    for (uint32_t c = 0; c < kCodePoints; ++c) {
      const bool joins = (c >= kVowels && c < kVowels + kVowelCount) ||
                         (c > kTails && c < kTails + kTailCount);
      if (joins || classes_[c] != 0) active_[c] = true;
    }
  }

  // True for a starter that does not decompose and does not combine with a character before it.
  bool IsInert(uint32_t c) const { return !(c < kCodePoints && active_[c]); }

  std::string Compose(std::string_view text) const {
    std::vector<uint32_t> characters;
    for (size_t length = 0; !text.empty(); text.remove_prefix(length))
      Decompose(DecodeCodePoint(text, &length), &characters);
    Order(&characters);
    Join(&characters);
    std::string composed;
    for (const uint32_t c : characters) AppendUtf8(c, &composed);
    return composed;
  }

 private:
  static uint64_t Key(uint32_t first, uint32_t second) { return uint64_t{first} << 32 | second; }

  void Decompose(uint32_t c, std::vector<uint32_t>* out) const {
    if (c >= kSyllables && c < kSyllables + kSyllableCount) {
      const uint32_t index = c - kSyllables;
      out->push_back(kLeads + index / (kVowelCount * kTailCount));
      out->push_back(kVowels + index / kTailCount % kVowelCount);
      if (index % kTailCount != 0) out->push_back(kTails + index % kTailCount);
      return;
    }
    const auto found = parts_.find(c);
    if (found == parts_.end()) return out->push_back(c);
    Decompose(found->second.first, out);
    if (found->second.second != 0) Decompose(found->second.second, out);
  }

  // Sorts the marks between two starters by class; marks of one class keep their order.
  void Order(std::vector<uint32_t>* characters) const {
    const auto end = characters->end();
    for (auto at = characters->begin(); at != end;) {
      if (classes_[*at] == 0) {
        ++at;
        continue;
      }
      const auto last = std::find_if(at, end, [&](uint32_t c) { return classes_[c] == 0; });
      std::stable_sort(at, last, [&](uint32_t a, uint32_t b) { return classes_[a] < classes_[b]; });
      at = last;
    }
  }

  uint32_t WholeOf(uint32_t first, uint32_t second) const {
    if (first >= kLeads && first < kLeads + kLeadCount && second >= kVowels &&
        second < kVowels + kVowelCount) {
      return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
    }
    const bool open = first >= kSyllables && first < kSyllables + kSyllableCount &&
                      (first - kSyllables) % kTailCount == 0;
    if (open && second > kTails && second < kTails + kTailCount) return first + (second - kTails);
    const auto found = wholes_.find(Key(first, second));
    return found == wholes_.end() ? 0 : found->second;
  }

  // Combines each character with the last starter, unless a character of the same or a higher class
  // is between the two.
  void Join(std::vector<uint32_t>* characters) const {
    std::vector<uint32_t> joined;
    size_t starter = SIZE_MAX;
    // The class of the last character after the starter; -1 if there is none.
    int before = -1;
    for (const uint32_t c : *characters) {
      const int own = classes_[c];
      if (starter != SIZE_MAX && before < own) {
        if (const uint32_t whole = WholeOf(joined[starter], c); whole != 0) {
          joined[starter] = whole;
          continue;
        }
      }
      joined.push_back(c);
      if (own == 0) {
        starter = joined.size() - 1;
        before = -1;
      } else {
        before = own;
      }
    }
    *characters = std::move(joined);
  }

  const ValueTable classes_;
  // The characters for which IsInert is false.
  std::vector<bool> active_ = std::vector<bool>(kCodePoints);
  std::unordered_map<uint32_t, std::pair<uint32_t, uint32_t>> parts_;
  std::unordered_map<uint64_t, uint32_t> wholes_;
};

const Composer& TheComposer() {
  static const Composer composer;
  return composer;
}

}  // namespace

Category CategoryOf(uint32_t code_point) {
  static const ValueTable table(kCategoryRuns, kCategoryRunCount);
  return static_cast<Category>(table[code_point]);
}

std::string Nfc(std::string_view text) {
  return TheComposer().Compose(text);
}

bool IsSurelyNfc(std::string_view text) {
  const Composer& composer = TheComposer();
  while (true) {
    text.remove_prefix(AsciiPrefix(text));
    if (text.empty()) return true;
    size_t length = 0;
    if (!composer.IsInert(DecodeCodePoint(text, &length))) return false;
    text.remove_prefix(length);
  }
}

std::string UnicodeVersion() {
  return Format("%s, NFC %s", kCategoriesVersion, kCompositionVersion);
}

}  // namespace braid::corpus
