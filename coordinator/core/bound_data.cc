#include "coordinator/core/bound_data.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "task/binding.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// What is kept is looked through so often although nothing is known to have changed.
constexpr int64_t kLookThroughMs = 60'000;

Status BoundError(const std::string& what, const std::string& site, const std::string& more) {
  return Status(StatusCode::kFailedPrecondition, ErrorReason::kBoundToSite,
                what + " is bound to site " + site + " and does not leave it: " + more);
}

std::string ArtifactText(const ArtifactRecord& artifact) {
  return "artifact " + artifact.id.substr(0, 12) + " (" + artifact.kind + " of " +
         artifact.made_by.Job().ToString() + ")";
}

// The worker that made the artifact, if it is bound; else empty.
std::string MakerOfBound(const std::string& id, const State& state) {
  const ArtifactRecord* artifact = id.empty() ? nullptr : state.FindArtifact(id);
  return artifact != nullptr && artifact->bound ? artifact->worker : "";
}

// Adds the workers on which a job runs, or has run, that makes something bound. Of the ranks of a
// gang, the first makes it.
void AddMakers(const JobRecord& job, const State& state, std::set<std::string>* makers) {
  for (const AttemptRecord* attempt : state.AttemptsOf(job.key)) {
    const bool holds = !Ended(attempt->state) || attempt->state == AttemptState::kSucceeded;
    if (holds && !attempt->workers.empty()) makers->insert(attempt->workers.front());
  }
}

// The workers of the site that keep the artifact, as they have said.
std::vector<std::string> WhoKeeps(const std::string& artifact, const std::string& site,
                                  const State& state) {
  std::vector<std::string> workers;
  for (const std::string& id : state.sites.At(site)) {
    const auto live = state.workers.find(id);
    if (live != state.workers.end() && live->second.hello.site == site &&
        live->second.kept != nullptr && live->second.kept->contains(artifact))
      workers.push_back(id);
  }
  return workers;
}

bool MayGo(const std::string& id, bool idle, const State& state) {
  const ArtifactRecord* artifact = state.FindArtifact(id);
  if (artifact == nullptr) return idle;
  return artifact->removed_ms > 0 || !artifact->bound;
}

}  // namespace

Status CheckMayLeave(const ArtifactRecord& artifact, const State& state) {
  if (!artifact.bound) return OkStatus();
  const auto worker = state.image().workers.find(artifact.worker);
  const std::string folder = worker == state.image().workers.end() ? "" : worker->second.folder;
  return BoundError(ArtifactText(artifact), artifact.site,
                    "its files are on worker " + artifact.worker +
                        (folder.empty() ? "" : ", in " + folder + "/artifacts") +
                        ", and the jobs of its run read them there");
}

Status CheckBinding(const JobRecord& job, const ArtifactRecord& artifact) {
  const bool stays = task::Stays(job.binding, artifact.role);
  if (stays == artifact.bound) return OkStatus();
  const std::string what = "output " + artifact.role + " of " + job.key.ToString();
  if (!stays) return InvalidArgument(what + " is not bound to a site: its files are to be sent");
  return BoundError(what, job.site,
                    "its worker has sent it; braid-worker of this version keeps it");
}

Status CheckOutputMayLeave(const JobKey& key, const std::string& role, const State& state) {
  const JobRecord* job = state.FindJob(key);
  if (job == nullptr || !task::Stays(job->binding, role)) return OkStatus();
  return BoundError("output " + role + " of " + key.ToString(), job->site,
                    "its worker keeps it, and commits the manifest alone");
}

Status CheckUnnamedMayLeave(const std::string& worker, const State& state) {
  for (const AttemptKey& key : state.LiveOn(worker)) {
    const JobRecord* job = state.FindJob(key.Job());
    if (job == nullptr || !task::MakesBound(job->binding)) continue;
    return BoundError(
        "what " + key.Job().ToString() + " makes", job->site,
        "worker " + worker +
            " has to say of which output a file is that it sends; braid-worker of this "
            "version does");
  }
  return OkStatus();
}

std::map<std::string, std::string> BoundAmong(const std::vector<std::string>& artifacts,
                                              const State& state) {
  std::map<std::string, std::string> bound;
  for (const std::string& id : artifacts) {
    if (std::string worker = MakerOfBound(id, state); !worker.empty())
      bound[id] = std::move(worker);
  }
  return bound;
}

scheduler::Keepers KeepersOf(const std::string& run, const std::string& site, const State& state) {
  scheduler::Keepers keepers;
  std::vector<std::string> before;
  for (const JobRecord* job : state.JobsOf(run)) {
    if (job->site != site || !task::MakesBound(job->binding)) continue;
    AddMakers(*job, state, &keepers.here);
    before.push_back(job->checkpoint);
    // What was taken over from another run has no attempts here.
    if (job->epoch > 0) continue;
    for (const auto& [role, id] : job->outputs) before.push_back(id);
  }
  for (const auto& [id, maker] : BoundAmong(before, state)) {
    const std::vector<std::string> keep = WhoKeeps(id, site, state);
    const auto here = std::find_if(keep.begin(), keep.end(), [&](const std::string& worker) {
      return keepers.here.contains(worker);
    });
    if (here != keep.end()) continue;
    // Several may have made the same, of which the catalog names the first. One of them is enough,
    // and more would be more that all others have to read from.
    const bool first = keep.empty() || std::find(keep.begin(), keep.end(), maker) != keep.end();
    keepers.before.insert(first ? maker : keep.front());
  }
  return keepers;
}

Status CheckMayBeReadBy(const std::string& worker, const ArtifactRecord& artifact,
                        const State& state) {
  const auto live = state.workers.find(worker);
  if (live != state.workers.end()) {
    // What two sites have made of the same text is one artifact, which each keeps.
    const std::string& site = live->second.hello.site;
    if (site == artifact.site || !WhoKeeps(artifact.id, site, state).empty()) return OkStatus();
  }
  return BoundError(ArtifactText(artifact), artifact.site,
                    "worker " + worker + " is not at that site, and may not read it");
}

bool KeepsTheSame(const LiveWorker& worker, const std::vector<std::string>& kept) {
  const std::set<std::string> now(kept.begin(), kept.end());
  return worker.kept == nullptr ? now.empty() : *worker.kept == now;
}

void NoteKept(const std::string& worker, const std::vector<ArtifactRecord>& artifacts,
              Transaction& tx) {
  if (!tx.state().workers.contains(worker)) return;
  const auto known = tx.state().workers.at(worker).kept;
  std::set<std::string> kept = known == nullptr ? std::set<std::string>() : *known;
  const size_t before = kept.size();
  for (const ArtifactRecord& artifact : artifacts) {
    if (!artifact.bound) continue;
    kept.insert(artifact.id);
    // An earlier one of the same content was removed; this one is needed.
    const std::vector<std::string>& released = tx.state().workers.at(worker).released;
    if (std::find(released.begin(), released.end(), artifact.id) != released.end())
      std::erase(tx.worker(worker).released, artifact.id);
  }
  if (kept.size() == before) return;
  tx.worker(worker).kept = std::make_shared<const std::set<std::string>>(std::move(kept));
}

void Release(const std::string& id, bool changed, Transaction& tx) {
  const State& state = tx.state();
  const LiveWorker& worker = state.workers.at(id);
  const bool none = worker.kept == nullptr || worker.kept->empty();
  if (none && worker.released.empty()) return;
  if (!changed && tx.now_ms() - worker.released_ms < kLookThroughMs) return;
  const bool idle = worker.ranks.empty() && worker.delivering.empty() && !state.HoldsLeases(id);
  std::vector<std::string> released;
  if (!none) {
    std::copy_if(worker.kept->begin(), worker.kept->end(), std::back_inserter(released),
                 [&](const std::string& artifact) { return MayGo(artifact, idle, state); });
  }
  tx.QuietWorker(id).released_ms = tx.now_ms();
  if (released != worker.released) tx.worker(id).released = std::move(released);
}

}  // namespace braid::coordinator
