#include "coordinator/access/bounds.h"

#include <algorithm>
#include <functional>

#include "coordinator/core/leased_rank.h"

namespace braid::coordinator {
namespace {

// Whether `use` is true of some artifact that a live attempt on the worker reads.
bool SomeInput(const std::string& worker, const State& state,
               const std::function<bool(const std::string& artifact)>& use) {
  for (const AttemptKey& key : state.LiveOn(worker)) {
    const AttemptRecord* attempt = state.FindAttempt(key);
    if (!attempt->checkpoint.empty() && use(attempt->checkpoint)) return true;
    const JobRecord* job = state.FindJob(key.Job());
    if (job == nullptr) continue;
    if (!job->checkpoint.empty() && use(job->checkpoint)) return true;
    for (const auto& [role, artifact] : job->inputs) {
      if (use(artifact)) return true;
    }
  }
  return false;
}

Status NotYours(const Identity& who, const std::string& what) {
  return PermissionDenied(what + " is no input of what worker " + who.name + " runs now");
}

}  // namespace

Status CheckOwnRank(const Identity& who, const RankKey& rank, const State& state) {
  if (!who.IsWorker()) return OkStatus();
  const AttemptRecord* attempt = state.FindAttempt(rank.attempt());
  if (attempt == nullptr) return OkStatus();
  if (IsLeasedTo(*attempt, rank.rank, who.name)) return OkStatus();
  return PermissionDenied("rank " + std::to_string(rank.rank) + " of " + rank.attempt().ToString() +
                          " is not leased to worker " + who.name);
}

Status CheckOwnName(const Identity& who, const std::string& worker) {
  if (!who.IsWorker() || who.name == worker) return OkStatus();
  return PermissionDenied("the caller is worker " + who.name + " and speaks for worker " + worker +
                          ": start it with --id " + who.name + ", or let it join under its own id");
}

Status CheckOwnRun(const Identity& who, const std::string& run, const State& state) {
  if (who.role >= Role::kOperator) return OkStatus();
  const auto found = state.ResolveRun(run);
  if (!found.ok() || (*found)->user == who.name) return OkStatus();
  return PermissionDenied("run " + (*found)->id + " is not " + who.name + "'s but " +
                          ((*found)->user.empty() ? "nobody" : (*found)->user) +
                          "'s: that takes role operator");
}

Status CheckOwnArtifact(const Identity& who, const std::string& id, const State& state) {
  const auto found = state.ResolveArtifact(id);
  if (!found.ok() || (*found)->made_by.run.empty()) return OkStatus();
  return CheckOwnRun(who, (*found)->made_by.run, state).Wrap("artifact " + (*found)->id);
}

Status CheckOwnInput(const Identity& who, const std::string& artifact, const State& state) {
  if (!who.IsWorker()) return OkStatus();
  const bool own = SomeInput(who.name, state,
                             [&](const std::string& id) { return id == artifact; });
  return own ? OkStatus() : NotYours(who, "artifact " + artifact);
}

Status CheckOwnBlob(const Identity& who, const std::string& sha256, const State& state,
                    InputBlobs* blobs) {
  if (!who.IsWorker()) return OkStatus();
  const bool own = SomeInput(who.name, state, [&](const std::string& id) {
    const catalog::ArtifactRecord* artifact = state.FindArtifact(id);
    return artifact != nullptr && blobs->Has(*artifact, sha256);
  });
  return own ? OkStatus() : NotYours(who, "blob " + sha256);
}

std::string UserOf(const Identity& who, const std::string& said) {
  return who.IsOwner() ? said : who.name;
}

}  // namespace braid::coordinator
