// Pre-tokenization of byte-level BPE: valid UTF-8 is cut into pieces by GPT-2's pattern
//
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace braid::corpus {

// What the pattern tells apart: \p{L}, \p{N}, \s, and the rest.
enum class CharacterClass : uint8_t { kLetter, kNumber, kSpace, kOther };
CharacterClass ClassOfCharacter(uint32_t code_point);

// The length in bytes of the contraction ('s, 'll, ...) at the front of `text`; 0 if there is none.
size_t ContractionAt(std::string_view text);

// The length in bytes of the first piece of `text`. REQUIRES: `text` is valid UTF-8 and not empty.
size_t FirstPiece(std::string_view text);

// GPT-2's mapping of bytes to printable characters, as UTF-8: byte 0x20 is "Ġ".
const std::array<std::string, 256>& ByteCharacters();

// The inverse of ByteCharacters; -1 for a character that stands for no byte.
int ByteOfCharacter(uint32_t code_point);
// Converts the text of a vocabulary entry to bytes: "Ġthe" becomes " the". Returns false if a
// character stands for no byte.
bool BytesOfToken(std::string_view token, std::string* bytes);

}  // namespace braid::corpus
