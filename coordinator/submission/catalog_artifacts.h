// The artifacts of this coordinator's catalog and blob store.
#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/submission/stored_artifacts.h"
#include "storage/files/blob_store.h"

namespace braid::coordinator {

// Asks the core and waits for its answer, and reads files: for a thread that may do so. `core` and
// `blobs` outlive it; `scratch` is a folder for short-lived files.
class CatalogArtifacts final : public StoredArtifacts {
 public:
  // Opens nothing; `scratch` is used by ReadCheckpoint only.
  CatalogArtifacts(Core* core, storage::BlobStore* blobs, std::string scratch)
      : core_(core), blobs_(blobs), scratch_(std::move(scratch)) {}

  Result<catalog::ArtifactRecord> Find(const std::string& id) const override;
  // Lays the checkpoint out as a folder of links for as long as its headers are read.
  Result<merge::Parent> ReadCheckpoint(const std::string& name,
                                       const catalog::ArtifactRecord& artifact,
                                       bool moments) const override;

 private:
  Core* const core_;
  storage::BlobStore* const blobs_;
  const std::string scratch_;
};

}  // namespace braid::coordinator
