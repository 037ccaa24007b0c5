// Which artifacts this worker need not fetch: all their files are in its cache. The coordinator is
// told, and sends jobs to where their inputs are.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/files/blob_store.h"
#include "storage/files/manifest.h"

namespace braid::worker {

// Every artifact that was fetched here or made here leaves its manifest beside the others, as
// <folder>/<artifact>.manifest.json, so that a worker that starts again knows what it has.
// Thread-safe.
class CachedArtifacts {
 public:
  // Reads the manifests of `folder`, and keeps to what is whole in `cache`, which outlives this.
  CachedArtifacts(std::string folder, const storage::BlobStore* cache);

  // All its files are in the cache now.
  Status Add(const storage::Manifest& manifest);

  // Sorted. `version` rises with every change.
  std::vector<std::string> List(int64_t* version) const;
  int64_t version() const;

 private:
  const std::string folder_;
  const storage::BlobStore* const cache_;
  mutable Mutex mutex_;
  std::set<std::string> ids_ BRAID_GUARDED_BY(mutex_);
  int64_t version_ BRAID_GUARDED_BY(mutex_) = 1;
};

}  // namespace braid::worker
