#include "base/excerpt.h"

#include "base/utf8.h"

namespace braid {
namespace {

std::string Readable(std::string_view text) {
  std::string out = RepairUtf8(text);
  for (char& c : out) {
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') ||
                         c == 0x7F;
    if (control) c = '?';
  }
  return out;
}

// True for the second and later bytes of a character in UTF-8.
bool Continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string Excerpt(std::string_view text, size_t most) {
  if (text.size() <= most) return Readable(text);
  // The cuts are moved to boundaries between characters: cutting a character in two would turn
  // valid text into U+FFFD.
  size_t head = most * 3 / 4, tail = text.size() - most / 4;
  while (head > 0 && Continues(text[head])) --head;
  while (tail < text.size() && Continues(text[tail])) ++tail;
  return Readable(text.substr(0, head)) + "... (" + std::to_string(tail - head) + " bytes) ..." +
         Readable(text.substr(tail));
}

}  // namespace braid
