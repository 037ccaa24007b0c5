// What corpus/ takes characters for, for a comparison with `tokenizers`: one letter for each code
// point but surrogates (L letter, N number, S white space, O other) on the first line, then the NFC
// of each line of standard input.
#include <cstdio>
#include <iostream>
#include <string>

#include "base/utf8.h"
#include "corpus/pretokenizer.h"
#include "corpus/unicode.h"

namespace {

// A character runs on with those of its own kind; white space with none of them.
char KindOf(uint32_t c) {
  std::string text;
  braid::AppendUtf8(c, &text);
  for (const auto& [kind, next] : {std::pair{'L', 'a'}, {'N', '1'}, {'O', '!'}}) {
    if (braid::corpus::FirstPiece(text + next) > text.size() && c != ' ') return kind;
  }
  return 'S';
}

}  // namespace

int main() {
  std::string kinds;
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (c < 0xD800 || c >= 0xE000) kinds += KindOf(c);
  }
  std::printf("%s\n", kinds.c_str());
  for (std::string line; std::getline(std::cin, line);)
    std::printf("%s\n", braid::corpus::Nfc(line).c_str());
  return 0;
}
