#include "corpus/token_class.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "corpus/pieces.h"

namespace braid::corpus {
namespace {

// Operators of arithmetic that Unicode counts as punctuation.
bool IsOperator(uint32_t c) { return c == '*' || c == '/' || c == '-' || c == '%' || c == '\\'; }

TokenClass ClassOfCharacter(uint32_t c) {
  if (IsOperator(c)) return TokenClass::kSym;
  if (c == '\n' || c == '\t' || c == '\r') return TokenClass::kSpace;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return TokenClass::kWord;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return TokenClass::kNum;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return TokenClass::kPunct;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO: return c == 0xFFFD ? TokenClass::kOther : TokenClass::kSym;  // U+FFFD is a piece of a character
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return TokenClass::kSpace;
    default: return TokenClass::kOther;
  }
}

}  // namespace

const char* TokenClassName(TokenClass token_class) {
  static constexpr const char* kNames[kTokenClasses] = {"WORD", "NUM",   "PUNCT", "SYM",  "SPACE", "OTHER", "ADJ",
                                                        "ADP",  "ADV",   "AUX",   "CCONJ", "DET",  "INTJ",  "NOUN",
                                                        "PART", "PRON",  "PROPN", "SCONJ", "VERB", "X"};
  return kNames[static_cast<size_t>(token_class)];
}

std::optional<TokenClass> TokenClassOfName(std::string_view name) {
  for (int c = 0; c < kTokenClasses; ++c) {
    if (name == TokenClassName(static_cast<TokenClass>(c))) return static_cast<TokenClass>(c);
  }
  return std::nullopt;
}

TokenClass ClassOf(std::string_view text) {
  std::array<int, kCoarseClasses> counts{};
  while (!text.empty()) {
    size_t length = 0;
    ++counts[static_cast<size_t>(ClassOfCharacter(DecodeCodePoint(text, &length)))];
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
