// Files that hold no text, known by their first bytes: archives, tables, tensors, text of other
// encodings, and what stands for a file that was not fetched.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// How many bytes decide.
inline constexpr size_t kForeignBytes = 4096;

// OK if the (decompressed) content that begins with `head` may be text. `head` has kForeignBytes
// bytes, or all there are. Else kInvalidArgument that names the file, what it is, and what to do.
Status CheckForeign(const std::string& path, std::string_view head);

}  // namespace braid::corpus
