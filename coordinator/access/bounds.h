// Checks that a caller acts only on its own objects: a worker on its attempts, a submitter on its
// runs. Callers of other roles pass every check.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/access/input_blobs.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// kPermissionDenied for a worker to which the rank of that attempt is not leased. An unknown
// attempt passes: the handler refuses it with its own error.
Status CheckOwnRank(const Identity& who, const RankKey& rank, const State& state);
// kPermissionDenied for a worker with another id.
Status CheckOwnName(const Identity& who, const std::string& worker);
// kPermissionDenied for a submitter whose run it is not. `run` as ResolveRun takes it; an unknown
// run passes, as above.
Status CheckOwnRun(const Identity& who, const std::string& run, const State& state);
// The same for an artifact that a run has made; `id` as ResolveArtifact takes it.
Status CheckOwnArtifact(const Identity& who, const std::string& id, const State& state);
// kPermissionDenied for a worker none of whose live attempts has the artifact as an input or as its
// checkpoint.
Status CheckOwnInput(const Identity& who, const std::string& artifact, const State& state);
// The same for a file of such an artifact.
Status CheckOwnBlob(const Identity& who, const std::string& sha256, const State& state,
                    InputBlobs* blobs);

// The user to whom a run that `who` submits belongs. `said` is the user name in the request; it
// counts only if the owner of the coordinator calls.
std::string UserOf(const Identity& who, const std::string& said);

}  // namespace braid::coordinator
