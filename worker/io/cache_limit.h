// The limit of the worker's cache as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::worker {

// The default of --cache-limit.
inline constexpr char kDefaultCacheLimit[] = "20%";

// Bytes from a number with a unit ("500MB", "20GiB", "1.5T"; K, M, G and T are powers of 1024,
// whatever follows them) or a share of the file system of `folder` ("20%"). kInvalidArgument says
// what is allowed.
Result<uint64_t> CacheLimitOf(std::string_view text, const std::string& folder);

}  // namespace braid::worker
