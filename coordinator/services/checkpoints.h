// The artifacts of this coordinator's catalog and blob store.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/services/services.h"
#include "coordinator/submission/stored_artifacts.h"

namespace braid::coordinator {

class CatalogArtifacts final : public StoredArtifacts {
 public:
  explicit CatalogArtifacts(const Backend* backend) : backend_(backend) {}

  Result<catalog::ArtifactRecord> Find(const std::string& id) const override;
  // Lays the checkpoint out as a folder of links for as long as its headers are read.
  Result<merge::Parent> ReadCheckpoint(const std::string& name,
                                       const catalog::ArtifactRecord& artifact,
                                       bool moments) const override;

 private:
  const Backend* const backend_;
};

}  // namespace braid::coordinator
