// Lines of a text file that may be compressed: gzip and zstd are recognised by their first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// Calls `use` with each piece of the decompressed content: of gzip with all its members, of zstd
// with all its frames. A damaged or cut file is kDataLoss with its name; what is no text
// (corpus/foreign.h) kInvalidArgument.
Status ReadDecompressed(const std::string& path,
                        const std::function<Status(std::string_view)>& use);

// Calls `use` with each line (without its end) and its number from 1. Lines above 256 MiB are
// refused.
Status ReadLines(const std::string& path,
                 const std::function<Status(std::string_view, int64_t)>& use);

}  // namespace braid::corpus
