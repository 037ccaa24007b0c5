// Converts reports of workers about their attempts to commands of the core. Without gRPC and
// without threads.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "coordinator/core/attempts.h"
#include "storage/files/manifest.h"
#include "task/outcome.h"

namespace braid::coordinator {

// Whether every file of a manifest is stored; FAILED_PRECONDITION (BLOB_MISSING) names one that is
// not.
using BlobCheck = std::function<Status(const storage::Manifest& manifest)>;

// Makes the artifact of a manifest. The caller adds the maker. kInvalidArgument for a manifest that
// is not canonical.
Result<catalog::ArtifactRecord> ArtifactOf(const std::string& manifest_json,
                                           storage::Manifest* manifest);

// An artifact that a rank has made, whose files are all stored or, if it is `bound`, stay on its
// worker. Whether it may be one or the other is for the core to say.
Result<catalog::ArtifactRecord> ArtifactMadeBy(const task::RankKey& rank, const std::string& role,
                                               const std::string& manifest_json, bool bound,
                                               const BlobCheck& check);
// Sets the time and the worker that made the artifact, which only the core knows.
void Attribute(const task::RankKey& rank, Transaction& tx, catalog::ArtifactRecord* artifact);

// The end of a rank. Every output is stored; an error names its role.
Result<EndedCommand> EndedCommandOf(const task::RankKey& rank, const std::string& worker,
                                    const task::Outcome& outcome, const BlobCheck& check);

// The attempt is one of ours, whether it has ended or not, and has such a rank; else kAborted
// (STALE_LEASE).
Status CheckKnown(const task::RankKey& rank, const State& state);

}  // namespace braid::coordinator
