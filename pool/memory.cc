#include "pool/memory.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace braid::pool {
namespace {

constexpr int64_t kGibibytesOfACore = 4;
constexpr int64_t kPage = 4096;
constexpr int64_t kMib = int64_t{1} << 20;

int64_t UnitsFor(int64_t amount, int64_t unit) {
  return (amount + unit - 1) / unit;
}

}  // namespace

Result<int64_t> ParseMemory(const std::string& text) {
  const Result<int64_t> bytes = ParseBytes(
      text.ends_with('B') || text.find_first_not_of("0123456789.") == text.npos ? text
                                                                                : text + "B");
  // Less is a number without its unit.
  if (bytes.ok() && *bytes >= kMib && text.find(' ') == std::string::npos) return bytes;
  return InvalidArgument("--memory \"" + text + "\": for example 64Gi and 500M are possible");
}

int64_t MemoryOfWorker(const Settings& settings) {
  if (settings.memory.empty() && settings.engine != "kubernetes") return 0;
  const Result<int64_t> bytes = ParseMemory(QuantityOfWorker(settings));
  if (!bytes.ok()) return 0;
  // What a pod's worker sees as its limit is of whole pages.
  return settings.engine == "kubernetes" ? *bytes / kPage * kPage : *bytes;
}

std::string QuantityOfWorker(const Settings& settings) {
  if (settings.memory.empty()) return std::to_string(settings.cpu_slots * kGibibytesOfACore) + "Gi";
  return settings.memory.ends_with('B') ? settings.memory.substr(0, settings.memory.size() - 1)
                                        : settings.memory;
}

std::string SlurmMemory(const Settings& settings, int64_t workers) {
  const int64_t bytes = MemoryOfWorker(settings);
  if (bytes == 0) return "";
  if (workers == 1) return "--mem=" + std::to_string(UnitsFor(bytes, kMib)) + "M";
  return "--mem-per-cpu=" +
         std::to_string(UnitsFor(bytes, kMib * std::max<int64_t>(1, settings.cpu_slots))) + "M";
}

}  // namespace braid::pool
