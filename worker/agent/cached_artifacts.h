// The artifacts of which all files are in this worker's cache. The coordinator is told about them
// and prefers to place jobs where their inputs are.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/calls.h"

namespace braid::worker {

class CachedArtifacts {
 public:
  explicit CachedArtifacts(Calls& calls) : calls_(calls) {}

  // Asks which artifacts an earlier process of this worker left in the cache.
  void Start();

  // Adds an artifact that was fetched.
  void Add(const std::string& artifact);

  // Adds an artifact that a rank of this worker made, and keeps its manifest on disk for the next
  // process.
  void Keep(const storage::Manifest& manifest);

  // Rises with every change. It is 0 until the answer to Start is there, and the list is not
  // complete before.
  int64_t version() const { return version_; }
  // Their ids, sorted.
  std::vector<std::string> List() const { return {artifacts_.begin(), artifacts_.end()}; }

 private:
  Calls& calls_;
  std::set<std::string> artifacts_;
  int64_t version_ = 0;
};

}  // namespace braid::worker
