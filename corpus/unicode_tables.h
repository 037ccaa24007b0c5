// The tables that scripts/make_unicode_tables.py writes. Internal to corpus/unicode.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace braid::corpus {

struct Decomposition {
  uint32_t character, first, second;  // second is 0 where one character stands for another
  bool composes;                      // the two become the character again
};

extern const char kCategoriesVersion[];
extern const char kCompositionVersion[];
// Runs of one value: first code point << 8 | value, in order, the first at 0.
extern const uint32_t kCategoryRuns[];
extern const size_t kCategoryRunCount;
extern const uint32_t kCombiningRuns[];
extern const size_t kCombiningRunCount;
extern const Decomposition kDecompositions[];  // by character
extern const size_t kDecompositionCount;

}  // namespace braid::corpus
