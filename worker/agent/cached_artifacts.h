// Which artifacts this worker need not fetch: all their files are in its cache. The coordinator is
// told, and sends jobs to where their inputs are.
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

  // Asks what an earlier life of the worker left.
  void Start();
  // This one was fetched.
  void Add(const std::string& artifact);
  // This one was made here.
  void Keep(const storage::Manifest& manifest);

  // Rises with every change; 0 until it is known what there is.
  int64_t version() const { return version_; }
  std::vector<std::string> List() const { return {artifacts_.begin(), artifacts_.end()}; }

 private:
  Calls& calls_;
  std::set<std::string> artifacts_;
  int64_t version_ = 0;
};

}  // namespace braid::worker
