#include "corpus/pretokenizer.h"

#include <unordered_map>

#include "base/utf8.h"
#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

using Class = CharacterClass;

// The characters of \s: those with the property White_Space of Unicode.
bool IsUnicodeSpace(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

Class FromCategory(uint32_t c) {
  if (IsUnicodeSpace(c)) return Class::kSpace;
  const Category category = CategoryOf(c);
  return IsLetter(category) ? Class::kLetter : IsNumber(category) ? Class::kNumber : Class::kOther;
}

// A table for the first plane, where nearly all text is; one byte a character.
class ClassTable {
 public:
  ClassTable() {
    for (uint32_t c = 0; c < kCharacters; ++c) classes_[c] = FromCategory(c);
  }
  Class operator[](uint32_t c) const { return c < kCharacters ? classes_[c] : FromCategory(c); }

 private:
  static constexpr uint32_t kCharacters = 0x10000;
  std::array<Class, kCharacters> classes_;
};

}  // namespace

CharacterClass ClassOfCharacter(uint32_t code_point) {
  static const ClassTable table;
  return table[code_point];
}

namespace {

// A table, because most text is ASCII and this is the innermost loop of encoding.
const std::array<Class, 128> kAsciiClass = [] {
  std::array<Class, 128> table{};
  for (uint32_t c = 0; c < 128; ++c) table[c] = FromCategory(c);
  return table;
}();

Class ClassAt(std::string_view text, size_t at, size_t* length) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 128) {
    *length = 1;
    return kAsciiClass[first];
  }
  return ClassOfCharacter(DecodeCodePoint(text.substr(at), length));
}

// The end of the run of characters of class `wanted` that begins at `at`.
size_t EndOfRun(std::string_view text, size_t at, Class wanted) {
  size_t length = 0;
  while (at < text.size() && ClassAt(text, at, &length) == wanted) at += length;
  return at;
}

}  // namespace

size_t ContractionAt(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  // Only lower case and only ASCII, as in GPT-2's pattern.
  if (text[1] == 's' || text[1] == 't' || text[1] == 'm' || text[1] == 'd') return 2;
  if (text.size() < 3) return 0;
  const std::string_view two = text.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

size_t FirstPiece(std::string_view text) {
  if (const size_t contraction = ContractionAt(text); contraction > 0) return contraction;
  size_t length = 0;
  const Class first = ClassAt(text, 0, &length);
  if (first != Class::kSpace) return EndOfRun(text, length, first);
  if (text[0] == ' ' && text.size() > 1) {
    size_t next_length = 0;
    const Class next = ClassAt(text, 1, &next_length);
    if (next != Class::kSpace) return EndOfRun(text, 1 + next_length, next);
  }
  // White space. Before a word, the run leaves its last character to the word (the lookahead of the
  // pattern), unless it is one character long.
  size_t end = 0;
  size_t last = 0;
  while (end < text.size() && ClassAt(text, end, &length) == Class::kSpace) {
    last = end;
    end += length;
  }
  return end == text.size() || last == 0 ? end : last;
}

const std::array<std::string, 256>& ByteCharacters() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> characters;
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; ++b) {
      // Bytes that are printable in Latin-1 stand for themselves; the others get the characters
      // from U+0100 on.
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      AppendUtf8(printable ? b : next++, &characters[b]);
    }
    return characters;
  }();
  return table;
}

int ByteOfCharacter(uint32_t code_point) {
  static const std::unordered_map<uint32_t, int> table = [] {
    std::unordered_map<uint32_t, int> bytes;
    for (int b = 0; b < 256; ++b) {
      size_t length = 0;
      bytes[DecodeCodePoint(ByteCharacters()[static_cast<size_t>(b)], &length)] = b;
    }
    return bytes;
  }();
  const auto found = table.find(code_point);
  return found == table.end() ? -1 : found->second;
}

bool BytesOfToken(std::string_view token, std::string* bytes) {
  bytes->clear();
  while (!token.empty()) {
    size_t length = 0;
    const int byte = ByteOfCharacter(DecodeCodePoint(token, &length));
    if (byte < 0) return false;
    *bytes += static_cast<char>(byte);
    token.remove_prefix(length);
  }
  return true;
}

}  // namespace braid::corpus
