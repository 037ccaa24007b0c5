#include "corpus/token_class.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/utf8.h"
#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

// Arithmetic operators that Unicode classifies as punctuation.
bool IsOperator(uint32_t c) {
  return c == '*' || c == '/' || c == '-' || c == '%' || c == '\\';
}

TokenClass CoarseClassOf(uint32_t c) {
  if (IsOperator(c)) return TokenClass::kSym;
  if (c == '\n' || c == '\t' || c == '\r') return TokenClass::kSpace;
  // A part of a character.
  if (c == 0xFFFD) return TokenClass::kOther;
  const Category category = CategoryOf(c);
  if (category <= Category::kMe) return TokenClass::kWord;
  if (category <= Category::kNo) return TokenClass::kNum;
  if (category <= Category::kPo) return TokenClass::kPunct;
  if (category <= Category::kSo) return TokenClass::kSym;
  return category <= Category::kZp ? TokenClass::kSpace : TokenClass::kOther;
}

}  // namespace

TokenClass ClassOf(std::string_view text) {
  std::array<int, kCoarseClasses> counts{};
  while (!text.empty()) {
    size_t length = 0;
    ++counts[static_cast<size_t>(CoarseClassOf(DecodeCodePoint(text, &length)))];
    text.remove_prefix(length);
  }
  int& spaces = counts[static_cast<size_t>(TokenClass::kSpace)];
  const int others = std::accumulate(counts.begin(), counts.end(), 0) - spaces;
  if (others > 0) spaces = 0;
  if (others + spaces == 0) return TokenClass::kOther;
  return static_cast<TokenClass>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

std::vector<TokenClass> ClassesOf(const Tokenizer& tokenizer) {
  std::vector<TokenClass> classes;
  for (int32_t id = 0; id < static_cast<int32_t>(tokenizer.vocab()); ++id) {
    const bool special = id == tokenizer.eos_id() || id == tokenizer.pad_id();
    classes.push_back(special ? TokenClass::kOther : ClassOf(RepairUtf8(tokenizer.Bytes(id))));
  }
  return classes;
}

}  // namespace braid::corpus
