// The tables that scripts/make_unicode_tables.py writes. Internal to corpus/unicode.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace braid::corpus {

// The canonical decomposition of a character.
struct Decomposition {
  // `second` is 0 if the character stands for a single other one.
  uint32_t character, first, second;
  // NFC combines the two to the character again.
  bool composes;
};

// The versions of Unicode of the categories and of the decompositions.
extern const char kCategoriesVersion[];
extern const char kCompositionVersion[];
// Runs of code points with the same value (first code point << 8 | value), in order; the first run
// begins at 0.
extern const uint32_t kCategoryRuns[];
extern const size_t kCategoryRunCount;
extern const uint32_t kCombiningRuns[];
extern const size_t kCombiningRunCount;

// Sorted by character.
extern const Decomposition kDecompositions[];
extern const size_t kDecompositionCount;

}  // namespace braid::corpus
