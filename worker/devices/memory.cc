#include "worker/devices/memory.h"

#include "base/text.h"

namespace braid::worker {

Result<int64_t> MemoryForJobs(const std::string& text, int64_t machine_bytes) {
  if (text.empty()) return machine_bytes;
  const Status wrong = InvalidArgument("--memory " + text +
                                       ": expected a size such as 64GB or 16GiB, or a share of "
                                       "the memory of this machine such as 50%");
  if (text.ends_with('%')) {
    const Result<double> percent = ParseDouble(text.substr(0, text.size() - 1));
    if (!percent.ok() || !(*percent > 0 && *percent <= 100)) return wrong;
    return static_cast<int64_t>(static_cast<double>(machine_bytes) * *percent / 100);
  }
  const Result<int64_t> bytes = ParseBytes(text);
  constexpr int64_t kLeast = int64_t{1} << 20;  // less is a size without its unit
  if (!bytes.ok() || *bytes < kLeast) return wrong;
  return bytes;
}

}  // namespace braid::worker
