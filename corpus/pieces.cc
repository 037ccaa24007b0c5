#include "corpus/pieces.h"

#include <utf8proc.h>

#include <cstdlib>
#include <cstring>
#include <unordered_map>

namespace braid::corpus {
namespace {

enum class Class : uint8_t { kLetter, kNumber, kSpace, kOther };

bool IsUnicodeSpace(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

Class ClassOf(uint32_t c) {
  if (IsUnicodeSpace(c)) return Class::kSpace;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Class::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Class::kNumber;
    default:
      return Class::kOther;
  }
}

const std::array<Class, 128> kAsciiClass = [] {
  std::array<Class, 128> table{};
  for (uint32_t c = 0; c < 128; ++c) table[c] = ClassOf(c);
  return table;
}();

Class ClassAt(std::string_view text, size_t at, size_t* length) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 128) {
    *length = 1;
    return kAsciiClass[first];
  }
  return ClassOf(DecodeCodePoint(text.substr(at), length));
}

// End of the run of characters of class `wanted` that begins at `at`.
size_t EndOfRun(std::string_view text, size_t at, Class wanted) {
  size_t length = 0;
  while (at < text.size() && ClassAt(text, at, &length) == wanted) at += length;
  return at;
}

size_t Contraction(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  if (text[1] == 's' || text[1] == 't' || text[1] == 'm' || text[1] == 'd') return 2;
  if (text.size() < 3) return 0;
  const std::string_view two = text.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

// Length of the sequence at the front if it is valid, else 0; then `bad` receives how many bytes one U+FFFD stands for.
size_t ValidSequence(std::string_view text, size_t* bad) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  *bad = 1;
  if (lead < 0x80) return 1;
  size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) {
      *bad = i;
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

// How many bytes at the front are ASCII.
size_t AsciiPrefix(std::string_view text) {
  size_t at = 0;
  for (uint64_t word; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

size_t FirstPiece(std::string_view text) {
  if (const size_t contraction = Contraction(text); contraction > 0) return contraction;
  size_t length = 0;
  const Class first = ClassAt(text, 0, &length);
  if (first != Class::kSpace) return EndOfRun(text, length, first);
  if (text[0] == ' ' && text.size() > 1) {
    size_t next_length = 0;
    const Class next = ClassAt(text, 1, &next_length);
    if (next != Class::kSpace) return EndOfRun(text, 1 + next_length, next);
  }
  // A run of white space; before a word it gives its last character back (the lookahead), unless it is one long.
  size_t end = 0;
  size_t last = 0;
  while (end < text.size() && ClassAt(text, end, &length) == Class::kSpace) {
    last = end;
    end += length;
  }
  return end == text.size() || last == 0 ? end : last;
}

bool IsUtf8(std::string_view text) {
  size_t bad = 0;
  while (!text.empty()) {
    const size_t ascii = AsciiPrefix(text);
    text.remove_prefix(ascii);
    if (text.empty()) break;
    const size_t length = ValidSequence(text, &bad);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool IsSurelyNfc(std::string_view text) {
  while (!text.empty()) {
    const size_t ascii = AsciiPrefix(text);
    text.remove_prefix(ascii);
    if (text.empty()) break;
    size_t length = 0;
    const uint32_t c = DecodeCodePoint(text, &length);
    // No character of these blocks decomposes to anything but itself composed, or follows another to compose with it.
    const bool inert = c < 0x300 || (c >= 0x2010 && c <= 0x2043) || (c >= 0x4E00 && c <= 0x9FFF);
    if (!inert) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string RepairUtf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    size_t bad = 0;
    const size_t length = ValidSequence(text, &bad);
    if (length > 0) {
      repaired.append(text.substr(0, length));
    } else {
      repaired.append("\xEF\xBF\xBD");
    }
    text.remove_prefix(length > 0 ? length : bad);
  }
  return repaired;
}

std::string Nfc(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) return std::string(text);
  std::string result(reinterpret_cast<char*>(mapped), static_cast<size_t>(length));
  std::free(mapped);
  return result;
}

uint32_t DecodeCodePoint(std::string_view text, size_t* length) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return *length = 1, lead;
  if (lead < 0xE0) return *length = 2, (lead & 0x1F) << 6 | (byte(1) & 0x3F);
  if (lead < 0xF0) return *length = 3, (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return *length = 4, (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | c >> 6);
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | c >> 12);
    *out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | c >> 18);
    *out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    *out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

const std::array<std::string, 256>& ByteCharacters() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> characters;
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; ++b) {
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
