// Somebody else's text inside a message: short, valid UTF-8, and harmless on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace braid {

// The most bytes that a quoted value, and a whole message, may have.
inline constexpr size_t kQuotedBytes = 80;
inline constexpr size_t kMessageBytes = 1500;

// `text` with at most about `most` bytes: of a longer one the beginning and the end, with the
// number of bytes between them. Bytes that are not UTF-8 become U+FFFD; control characters other
// than ends of lines and tabs become '?'.
std::string Excerpt(std::string_view text, size_t most = kQuotedBytes);

}  // namespace braid
