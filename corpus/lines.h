// Lines of a text file that may be compressed: gzip and zstd are recognised by their first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// Calls `use` with each piece of the decompressed content. A damaged or cut file is kDataLoss with its name.
Status ReadDecompressed(const std::string& path, const std::function<Status(std::string_view)>& use);

// Calls `use` with each line (without its end) and its number from 1. Lines above 256 MiB are refused.
Status ReadLines(const std::string& path, const std::function<Status(std::string_view, int64_t)>& use);

}  // namespace braid::corpus
