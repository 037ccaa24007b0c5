// Excerpts of text from outside (files, requests, other programs) for use in messages: short, valid
// UTF-8, and without characters that control a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace braid {

// The largest number of bytes that a quoted value, and that a whole message, may have.
inline constexpr size_t kQuotedBytes = 80;
inline constexpr size_t kMessageBytes = 1500;

// Returns `text` in at most about `most` bytes. Of a longer text, the first three quarters and the
// last quarter of that length are kept, with the number of omitted bytes between them. Bytes that
// are not UTF-8 become U+FFFD; control characters except newline and tab become '?'.
std::string Excerpt(std::string_view text, size_t most = kQuotedBytes);

}  // namespace braid
