// Translation of regular expressions in the syntax of Oniguruma, over characters, into expressions
// of PCRE2 over bytes that stand for classes of characters. Internal to corpus/.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace braid::corpus {

// A set of characters: a class in brackets, \p{...}, \s, a letter without regard to case.
struct CharacterSet {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;  // with both ends
  uint32_t categories = 0;                            // a bit for each Category (unicode.h)
  bool spaces = false, others_than_spaces = false;
  std::vector<CharacterSet> parts;  // nested classes
  bool negated = false;

  bool Contains(uint32_t code_point) const;
};

// The byte that stands for each character: ASCII for itself, the others by which sets have them.
// Characters of one byte are in the same sets.
class CharacterBytes {
 public:
  // kInvalidArgument if the sets tell apart more classes than there are bytes, which no published
  // tokenizer comes near.
  static Result<CharacterBytes> Make(const std::vector<CharacterSet>& sets);
  uint8_t Of(uint32_t code_point) const {
    if (code_point < 0x80) return static_cast<uint8_t>(code_point);
    return code_point < kTable ? table_[code_point] : OfDistant(code_point);
  }
  // The bytes that stand for characters of the set with that number.
  std::array<bool, 256> BytesOf(size_t set) const;

 private:
  // Characters from here on are told apart by their category alone.
  static constexpr uint32_t kTable = 0x20000;
  uint8_t OfDistant(uint32_t code_point) const;
  std::vector<uint8_t> table_;
  std::array<uint8_t, 32> by_category_{};
  std::vector<std::array<bool, 256>> members_;
};

// A translated expression: what PCRE2 compiles without UTF mode, and the bytes of its texts.
struct PatternSyntax {
  std::string regex;
  CharacterBytes bytes;
};

// kInvalidArgument with the element that cannot be translated.
Result<PatternSyntax> TranslatePattern(std::string_view regex);

}  // namespace braid::corpus
