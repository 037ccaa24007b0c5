// Recognition of files that are not text by their first bytes: archives, tables, tensors, text in
// other encodings, and placeholders for files that were not fetched.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// The number of bytes that CheckForeign looks at.
inline constexpr size_t kForeignBytes = 4096;

// True if bytes at the beginning of a file may be text: UTF-8 without zeros, of which the last
// character may be cut.
bool LooksLikeText(std::string_view head);

// True if bytes at the beginning of a file are those of a tar archive.
bool LooksLikeTar(std::string_view head);

// OK if the decompressed content that begins with `head` may be text. `head` has kForeignBytes
// bytes, or all if the file is shorter. Otherwise kInvalidArgument that names the file, what it is,
// and what to do.
Status CheckForeign(const std::string& path, std::string_view head);

}  // namespace braid::corpus
