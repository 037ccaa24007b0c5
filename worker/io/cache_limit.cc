#include "worker/io/cache_limit.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "base/text.h"

namespace braid::worker {

Result<uint64_t> CacheLimitOf(std::string_view text, const std::string& folder) {
  const Status wrong = InvalidArgument("--cache-limit " + std::string(text) +
                                       ": expected a size such as 20GB or 500MB, or a share of the "
                                       "file system such as " +
                                       kDefaultCacheLimit);
  if (text.ends_with('%')) {
    const Result<double> percent = ParseDouble(text.substr(0, text.size() - 1));
    struct statvfs info{};
    if (!percent.ok() || !(*percent >= 0 && *percent <= 100)) return wrong;
    if (statvfs(folder.c_str(), &info) != 0)
      return ErrnoStatus(errno, "looking at the file system of " + folder);
    return static_cast<uint64_t>(static_cast<double>(info.f_blocks) *
                                 static_cast<double>(info.f_frsize) * *percent / 100);
  }
  const Result<int64_t> bytes = ParseBytes(text);
  if (!bytes.ok()) return wrong;
  return static_cast<uint64_t>(*bytes);
}

}  // namespace braid::worker
