// When a file was last written to.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace braid::storage {

// The time of the last change of a file's content in milliseconds since 1970, from the result of
// stat.
inline int64_t ModifiedMs(const struct stat& info) {
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
}

}  // namespace braid::storage
