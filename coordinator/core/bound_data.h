// What is bound to sites (docs/security.md#bound-data): who keeps it, whether a report may say that
// it stays, who may read it, and when it may go. Its files are on the worker that made them and in
// the caches of workers of its site that read them, and never here.
//
// All functions run in the core's thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"
#include "scheduler/snapshot.h"

namespace braid::coordinator {

// OK unless the artifact is bound; then kFailedPrecondition (BOUND_TO_SITE), which says to what
// site, and who keeps it in which folder.
Status CheckMayLeave(const catalog::ArtifactRecord& artifact, const State& state);

// OK if the artifact, an output or a checkpoint of the job, is bound exactly if the job's binding
// says so: kFailedPrecondition (BOUND_TO_SITE) for one that was sent here although it stays at its
// site, kInvalidArgument for one that was kept without need.
Status CheckBinding(const JobRecord& job, const catalog::ArtifactRecord& artifact);

// kFailedPrecondition (BOUND_TO_SITE) if a file of this output, of a rank of that job, must not be
// sent here. An unknown job passes.
Status CheckOutputMayLeave(const JobKey& job, const std::string& role, const State& state);
// The same for a file of an output that is not named: if the worker has an attempt of which some
// outputs stay at the site.
Status CheckUnnamedMayLeave(const std::string& worker, const State& state);

// Of these artifacts those that are bound, each with the worker that made it.
std::map<std::string, std::string> BoundAmong(const std::vector<std::string>& artifacts,
                                              const State& state);
// The workers that keep what the run has bound at the site, or are making it.
scheduler::Keepers KeepersOf(const std::string& run, const std::string& site, const State& state);

// OK if the worker may read what is bound, from others of its site: kFailedPrecondition
// (BOUND_TO_SITE) if it is at another one.
Status CheckMayBeReadBy(const std::string& worker, const catalog::ArtifactRecord& artifact,
                        const State& state);

// Whether the worker is known to keep exactly these.
bool KeepsTheSame(const LiveWorker& worker, const std::vector<std::string>& kept);
// Adds those of the artifacts that are bound to what the worker is known to keep, before its next
// heartbeat says so.
void NoteKept(const std::string& worker, const std::vector<catalog::ArtifactRecord>& artifacts,
              Transaction& tx);
// Finds out what the worker need not keep any more: artifacts that were removed or are not bound,
// and, while it has no ranks, what no attempt has committed. They are looked through if they have
// `changed`, and now and then.
void Release(const std::string& worker, bool changed, Transaction& tx);

}  // namespace braid::coordinator
