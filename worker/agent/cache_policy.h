// The eviction policy of the worker's cache. Pure functions of the cache's content and use.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace braid::worker {

// An artifact of which all files are in the cache.
struct CachedArtifact {
  // The size of each blob in bytes, by digest. Artifacts may share blobs.
  std::map<std::string, uint64_t> blobs;
  // Grows with each use: the artifact with the smallest number was not used for longest.
  int64_t used = 0;
  // Bound to the site of this worker: there may be no other copy, so it stays until it is released.
  bool bound = false;
  bool operator==(const CachedArtifact&) const = default;
};

// All blobs in the cache.
struct CacheContent {
  std::map<std::string, CachedArtifact> artifacts;  // by id
  // Blobs of no artifact: what is left of checkpoints that were sent and of fetches that failed.
  std::map<std::string, uint64_t> loose;
};

// What ranks need at present.
struct CacheUse {
  std::set<std::string> artifacts;
  std::set<std::string> blobs;
};

// Artifacts and single blobs to be removed.
struct Eviction {
  std::vector<std::string> artifacts;
  std::vector<std::string> blobs;
  bool empty() const { return artifacts.empty() && blobs.empty(); }
};

// The bytes on the disk: each blob counts once.
uint64_t BytesOf(const CacheContent& content);

// What to remove so that at most `limit_bytes` are left: first blobs of no artifact, then artifacts
// in the order of their last use, each with the blobs that no other one shares. What is in use or
// bound stays, also if more than the limit is left then.
Eviction ToEvict(const CacheContent& content, const CacheUse& use, uint64_t limit_bytes);

}  // namespace braid::worker
