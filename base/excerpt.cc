#include "base/excerpt.h"

#include <algorithm>

namespace braid {
namespace {

// Bytes of the UTF-8 character that `text` begins with; 0 if it begins with none.
size_t CharacterBytes(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0, surrogate = first == 0xED && second > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90, beyond = first == 0xF4 && second > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

std::string Readable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes == 0) {
      out += "\xEF\xBF\xBD";
    } else if (bytes == 1) {
      const char c = text.front();
      out += (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t' ? c : '?';
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return out;
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string Excerpt(std::string_view text, size_t most) {
  if (text.size() <= most) return Readable(text);
  // Cuts stand between characters, so that the cut itself leaves nothing that is not UTF-8.
  size_t head = most * 3 / 4, tail = text.size() - most / 4;
  while (head > 0 && Continues(text[head])) --head;
  while (tail < text.size() && Continues(text[tail])) ++tail;
  return Readable(text.substr(0, head)) + "... (" + std::to_string(tail - head) + " bytes) ..." + Readable(text.substr(tail));
}

}  // namespace braid
