// Stored checkpoints as the merge library reads them.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/services/services.h"
#include "merge/parent.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {

// The artifact of an id or an unambiguous beginning of one.
Result<catalog::ArtifactRecord> FindArtifact(Core* core, const std::string& id);

// Lays the checkpoint out as a folder of links for as long as its headers are read. Another kind of
// artifact is INCOMPATIBLE_PARENTS.
Result<merge::Parent> ReadCheckpoint(const Backend& backend, const std::string& name,
                                     const catalog::ArtifactRecord& artifact, bool moments);

}  // namespace braid::coordinator
