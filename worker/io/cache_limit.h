// The limit of the worker's cache as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::worker {

// The default of --cache-limit.
inline constexpr char kDefaultCacheLimit[] = "20%";

// Bytes from a size ("500MB", "20 GiB"; see ParseBytes) or a share of the file system of `folder`
// ("20%"). kInvalidArgument says what is allowed.
Result<uint64_t> CacheLimitOf(std::string_view text, const std::string& folder);

}  // namespace braid::worker
