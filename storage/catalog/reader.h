// Reading the catalog of a coordinator that runs, without its loop: each call opens a read-only
// connection of its own and sees one commit's state, however long it takes. Such a connection
// neither writes nor checkpoints, so that it is no second writer (catalog.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "storage/catalog/audit.h"
#include "storage/catalog/records.h"
#include "storage/catalog/snapshot.h"

namespace braid::catalog {

// Reads one catalog file. Thread-safe. All calls must have returned before the Catalog of the same
// file is closed.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  // A snapshot of the present state, for several queries that must agree with each other.
  Result<std::unique_ptr<Snapshot>> Open() const { return Snapshot::Open(path_); }
  // Calls `see` for each artifact, including removed ones, in the order of the runs that made them;
  // stops at its first error and returns it. `used` says whether a run that has ended names the
  // artifact (Past::EndedUsersOf).
  Status EachArtifact(const std::function<Status(const ArtifactRecord&, bool used)>& see) const;
  // Rows of the audit, the newest first.
  Result<std::vector<AuditRecord>> ReadAudit(const AuditQuery& query) const;
  // Whether there is a row of the audit from before this time.
  Result<bool> HasAuditBefore(int64_t time_ms) const;
  // Copies the catalog to the new file `path`, whole and durable, while the coordinator writes on.
  // A file that is there is kAlreadyExists; after an error nothing is left. kResourceExhausted
  // (STORAGE_FULL) if it does not fit.
  Status CopyTo(const std::string& path) const;

 private:
  const std::string path_;
};

}  // namespace braid::catalog
