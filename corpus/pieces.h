// Text as byte-level BPE sees it: valid UTF-8, cut into pieces by GPT-2's pattern
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace braid::corpus {

// The length in bytes of the piece that `text` begins with. REQUIRES: text is valid UTF-8 and not empty.
size_t FirstPiece(std::string_view text);

// True iff valid UTF-8 (no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);
// The text with every invalid byte sequence replaced by U+FFFD, as Unicode recommends.
std::string RepairUtf8(std::string_view text);
// Canonical composition (NFC). REQUIRES: valid UTF-8.
std::string Nfc(std::string_view text);
// A quick look: true means that Nfc(text) is text. Holds for most prose of European languages and for Chinese.
bool IsSurelyNfc(std::string_view text);

// GPT-2's map of bytes to printable characters, as UTF-8: byte 0x20 is "Ġ". And back: -1 for other characters.
const std::array<std::string, 256>& ByteCharacters();
int ByteOfCharacter(uint32_t code_point);
// The bytes of a token's text in the vocabulary ("Ġthe" is " the"). False if a character stands for no byte.
bool BytesOfToken(std::string_view token, std::string* bytes);

// Reads one code point at the front of valid UTF-8; `length` receives its bytes.
uint32_t DecodeCodePoint(std::string_view text, size_t* length);
void AppendUtf8(uint32_t code_point, std::string* out);

}  // namespace braid::corpus
