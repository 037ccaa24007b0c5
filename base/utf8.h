// Validation, repair and decoding of UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid {

// How many bytes at the front are valid UTF-8 (no surrogates, no overlong forms); text.size() if
// all are.
size_t Utf8Prefix(std::string_view text);
bool IsUtf8(std::string_view text);
// The text with every invalid byte sequence replaced by U+FFFD, as Unicode recommends.
std::string RepairUtf8(std::string_view text);

// Reads one code point at the front of valid UTF-8; `length` receives its bytes.
uint32_t DecodeCodePoint(std::string_view text, size_t* length);
void AppendUtf8(uint32_t code_point, std::string* out);
// How many bytes at the front are ASCII.
size_t AsciiPrefix(std::string_view text);

}  // namespace braid
