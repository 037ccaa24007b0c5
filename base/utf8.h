// Validation, repair and decoding of UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid {

// The length in bytes of the longest prefix that is valid UTF-8 (without surrogates and overlong
// forms); text.size() if the whole text is valid.
size_t Utf8Prefix(std::string_view text);
// Whether the whole text is valid UTF-8.
bool IsUtf8(std::string_view text);
// The longest prefix of at most `most` bytes that ends with a whole code point. Cutting elsewhere
// could leave half a character, and string fields of Protocol Buffers refuse invalid UTF-8.
std::string_view CutUtf8(std::string_view text, size_t most);
// The text with each maximal invalid sequence of bytes replaced by one U+FFFD, as the Unicode
// standard recommends (section 3.9).
std::string RepairUtf8(std::string_view text);

// Decodes the first code point and stores the number of its bytes in `length`. REQUIRES: `text` is
// valid UTF-8 and not empty.
uint32_t DecodeCodePoint(std::string_view text, size_t* length);

// Appends the encoding of one code point. REQUIRES: it is not a surrogate and at most U+10FFFF.
void AppendUtf8(uint32_t code_point, std::string* out);
// The length in bytes of the longest prefix that is ASCII.
size_t AsciiPrefix(std::string_view text);

}  // namespace braid
