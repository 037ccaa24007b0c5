// Access to the stored artifacts, for the checks of submissions and merges.
#pragma once

#include <string>

#include "base/status.h"
#include "merge/parent.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// Implemented over the catalog and the blob store (catalog_artifacts.h), and by tests over folders.
// May block; called from threads that may.
class StoredArtifacts {
 public:
  virtual ~StoredArtifacts() = default;
  // The artifact of an id or an unambiguous beginning of one.
  virtual Result<catalog::ArtifactRecord> Find(const std::string& id) const = 0;
  // Reads the headers of a checkpoint, with the moments of its optimizer if asked to. `name` is for
  // errors. Another kind of artifact is kFailedPrecondition (INCOMPATIBLE_PARENTS).
  virtual Result<merge::Parent> ReadCheckpoint(const std::string& name,
                                               const catalog::ArtifactRecord& artifact,
                                               bool moments) const = 0;
};

}  // namespace braid::coordinator
