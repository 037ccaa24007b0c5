// Text as byte-level BPE sees it: valid UTF-8, cut into pieces by GPT-2's pattern
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace braid::corpus {

// The length in bytes of the piece that `text` begins with. REQUIRES: text is valid UTF-8 and not
// empty.
size_t FirstPiece(std::string_view text);

// GPT-2's map of bytes to printable characters, as UTF-8: byte 0x20 is "Ġ". And back: -1 for other
// characters.
const std::array<std::string, 256>& ByteCharacters();
int ByteOfCharacter(uint32_t code_point);
// The bytes of a token's text in the vocabulary ("Ġthe" is " the"). False if a character stands for
// no byte.
bool BytesOfToken(std::string_view token, std::string* bytes);

}  // namespace braid::corpus
