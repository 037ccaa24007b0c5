// When a file was last written to.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace braid::storage {

// In milliseconds since 1970, of a file that stat has found.
inline int64_t ModifiedMs(const struct stat& info) {
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
}

}  // namespace braid::storage
