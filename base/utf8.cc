#include "base/utf8.h"

#include <array>
#include <cstring>

namespace braid {
namespace {

// The length of the UTF-8 sequence at the front if it is valid. Otherwise 0, and `bad` receives the
// number of bytes that one U+FFFD replaces (a "maximal subpart" in the words of the Unicode
// standard).
size_t ValidSequence(std::string_view text, size_t* bad) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  *bad = 1;
  if (lead < 0x80) return 1;
  size_t length = 0;
  // The bounds of the second byte exclude overlong forms (after E0 and F0), surrogates (after ED)
  // and code points above U+10FFFF (after F4).
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

}  // namespace

size_t AsciiPrefix(std::string_view text) {
  size_t at = 0;
  // The highest bit of each of eight bytes, which is set in every byte that is not ASCII.
  constexpr uint64_t kHighBits = 0x8080808080808080u;
  // Many bytes at a time: most text is ASCII, and the check of a corpus is bound by this loop.
  for (std::array<uint64_t, 8> words; at + sizeof words <= text.size(); at += sizeof words) {
    std::memcpy(words.data(), text.data() + at, sizeof words);
    uint64_t all = 0;
    for (const uint64_t word : words) all |= word;
    if ((all & kHighBits) != 0) break;
  }
  for (uint64_t word; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

size_t Utf8Prefix(std::string_view text) {
  size_t at = 0, bad = 0;
  while (true) {
    at += AsciiPrefix(text.substr(at));
    if (at == text.size()) return at;
    const size_t length = ValidSequence(text.substr(at), &bad);
    if (length == 0) return at;
    at += length;
  }
}

std::string_view CutUtf8(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  return text.substr(0, Utf8Prefix(text.substr(0, most)));
}

bool IsUtf8(std::string_view text) {
  return Utf8Prefix(text) == text.size();
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
    // One U+FFFD for each maximal part of a character, as Unicode recommends.
    text.remove_prefix(length > 0 ? length : bad);
  }
  return repaired;
}

uint32_t DecodeCodePoint(std::string_view text, size_t* length) {
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return *length = 1, lead;
  if (lead < 0xE0) return *length = 2, (lead & 0x1F) << 6 | (byte(1) & 0x3F);
  if (lead < 0xF0)
    return *length = 3, (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return *length = 4,
         (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
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

}  // namespace braid
