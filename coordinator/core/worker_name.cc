#include "coordinator/core/worker_name.h"

#include <algorithm>

namespace braid::coordinator {
namespace {

// NAME_MAX of Linux file systems.
constexpr size_t kLongestFileName = 255;

}  // namespace

Status CheckWorkerName(const std::string& what, const std::string& name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (name.size() <= kLongestFileName && printable) return OkStatus();
  return InvalidArgument(what + " of " + std::to_string(name.size()) +
                         " bytes, or with control characters: at most " +
                         std::to_string(kLongestFileName) + " printable ones");
}

}  // namespace braid::coordinator
