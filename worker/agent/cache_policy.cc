#include "worker/agent/cache_policy.h"

#include <algorithm>
#include <utility>

namespace braid::worker {

uint64_t BytesOf(const CacheContent& content) {
  std::map<std::string, uint64_t> blobs = content.loose;
  for (const auto& [id, artifact] : content.artifacts)
    blobs.insert(artifact.blobs.begin(), artifact.blobs.end());
  uint64_t bytes = 0;
  for (const auto& [sha256, size] : blobs) bytes += size;
  return bytes;
}

Eviction ToEvict(const CacheContent& content, const CacheUse& use, uint64_t limit_bytes) {
  Eviction eviction;
  uint64_t bytes = BytesOf(content);
  std::map<std::string, int64_t> users;
  for (const auto& [id, artifact] : content.artifacts) {
    for (const auto& [sha256, size] : artifact.blobs) ++users[sha256];
  }
  for (const auto& [sha256, size] : content.loose) {
    if (bytes <= limit_bytes) return eviction;
    if (use.blobs.contains(sha256) || users.contains(sha256)) continue;
    eviction.blobs.push_back(sha256);
    bytes -= size;
  }
  std::vector<std::pair<int64_t, std::string>> by_use;
  for (const auto& [id, artifact] : content.artifacts) {
    if (!use.artifacts.contains(id) && !artifact.bound) by_use.emplace_back(artifact.used, id);
  }
  std::sort(by_use.begin(), by_use.end());
  for (const auto& [used, id] : by_use) {
    if (bytes <= limit_bytes) return eviction;
    eviction.artifacts.push_back(id);
    for (const auto& [sha256, size] : content.artifacts.at(id).blobs) {
      if (--users[sha256] > 0 || use.blobs.contains(sha256)) continue;
      eviction.blobs.push_back(sha256);
      bytes -= size;
    }
  }
  return eviction;
}

}  // namespace braid::worker
