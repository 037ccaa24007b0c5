#include "worker/io/cache_limit.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <charconv>

namespace braid::worker {
namespace {

// 0 for what is no unit.
double FactorOf(std::string_view unit) {
  if (unit.empty() || unit == "B") return 1;
  constexpr std::string_view kUnits = "KMGT";
  const size_t power = kUnits.find(unit.front());
  if (power == std::string_view::npos) return 0;
  unit.remove_prefix(1);
  if (!unit.empty() && unit != "B" && unit != "iB") return 0;
  return static_cast<double>(uint64_t{1} << (10 * (power + 1)));
}

}  // namespace

Result<uint64_t> CacheLimitOf(std::string_view text, const std::string& folder) {
  const Status wrong = InvalidArgument("--cache-limit " + std::string(text) +
                                       ": expected a size such as 20GB or 500MB, or a share of the "
                                       "file system such as " +
                                       kDefaultCacheLimit);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return wrong;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (unit == "%") {
    struct statvfs info{};
    if (number > 100) return wrong;
    if (statvfs(folder.c_str(), &info) != 0)
      return ErrnoStatus(errno, "looking at the file system of " + folder);
    return static_cast<uint64_t>(static_cast<double>(info.f_blocks) *
                                 static_cast<double>(info.f_frsize) * number / 100);
  }
  const double bytes = number * FactorOf(unit);
  if (FactorOf(unit) == 0 || bytes > 1e18) return wrong;
  return static_cast<uint64_t>(bytes);
}

}  // namespace braid::worker
