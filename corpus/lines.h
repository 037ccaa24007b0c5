// Reading of text files that may be compressed: gzip and zstd are recognised by their first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// Calls `use` with each piece of the decompressed content, of all gzip members or zstd frames.
// Stops at the first error of `use` and returns it. A damaged or truncated file is kDataLoss with
// its name; a file that is not text is kInvalidArgument (foreign.h).
Status ReadDecompressed(const std::string& path,
                        const std::function<Status(std::string_view)>& use);

// Calls `use` with each line, without its line end (LF or CRLF), and its number from 1. A line
// above 256 MiB is an error.
Status ReadLines(const std::string& path,
                 const std::function<Status(std::string_view, int64_t)>& use);

}  // namespace braid::corpus
