// What a caller may do is bounded by what is its own: a worker's attempts, a submitter's runs. Each
// function wraps what a call wants of the core; who is not bounded gets it back as it is.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/access/input_blobs.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// kPermissionDenied for a worker to which the rank of that attempt is not leased. An attempt that
// is not known is for others to refuse.
Status CheckOwnRank(const Identity& who, const RankKey& rank, const State& state);
// kPermissionDenied for a worker with another id.
Status CheckOwnName(const Identity& who, const std::string& worker);
// kPermissionDenied for a submitter whose run it is not. `run` as ResolveRun takes it; one that is
// not known is for others to refuse.
Status CheckOwnRun(const Identity& who, const std::string& run, const State& state);
// The same for an artifact that a run has made; `id` as ResolveArtifact takes it.
Status CheckOwnArtifact(const Identity& who, const std::string& id, const State& state);
// kPermissionDenied for a worker none of whose live attempts has the artifact as an input or as its
// checkpoint.
Status CheckOwnInput(const Identity& who, const std::string& artifact, const State& state);
// The same for a file of such an artifact.
Status CheckOwnBlob(const Identity& who, const std::string& sha256, const State& state,
                    InputBlobs* blobs);

// The user of a run that `who` submits, who says that it is `said`.
std::string UserOf(const Identity& who, const std::string& said);

}  // namespace braid::coordinator
