// Garbage collection: removes artifacts that nothing needs (core/retention.h), deletes blobs that
// no artifact needs, folders of logs and metrics of runs that are gone, and old events. It runs in
// a thread for files; the core's loop only answers questions about a few artifacts at a time.
//
// The order makes a crash harmless at every moment: the catalog says that an artifact is removed
// before one of its blobs is deleted. Which blobs are needed is read from the catalog after the
// sweep of the store has begun; BlobStore::Sweep explains why nothing is lost to it that somebody
// commits meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/changes.h"
#include "coordinator/core/retention.h"

namespace braid::coordinator {

// A number of artifacts or blobs, and their bytes together.
struct Amount {
  int64_t count = 0;
  uint64_t bytes = 0;
};

// What a collection did or, on a dry run, would do.
struct Garbage {
  std::vector<catalog::ArtifactRecord> removed;
  // Blobs, by what they belonged to: "of removed artifacts", "of no artifact".
  std::map<std::string, Amount> deleted;
  // Blobs that nothing needs but that are too young to be deleted.
  std::map<std::string, Amount> waiting;
  // Artifacts that stay, by the reason.
  std::map<Keep, Amount> kept;
  // All blobs in the store before the collection.
  Amount stored;
  int64_t folders_deleted = 0;
  int64_t events_deleted = 0;
};

// Runs a collection. Blocks, for minutes if the store is large. kUnavailable if another collection
// does not end within a minute, or if the coordinator stops.
Result<Garbage> CollectGarbage(Backend* backend, bool dry_run);

// Returns the work such that its blobs are held (BlobStore::Hold) until the change is durable.
CoreWork Holding(CoreWork work, std::shared_ptr<const storage::BlobStore::Hold> hold);

// Deletes the logs and metrics of a run. Errors are logged: the next collection tries again.
void DeleteBulk(Backend* backend, const std::string& run);

}  // namespace braid::coordinator
