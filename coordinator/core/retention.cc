#include "coordinator/core/retention.h"

#include <set>
#include <vector>

#include "base/text.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// One of the newest checkpoints that the job keeps.
bool IsAmongNewest(const ArtifactRecord& artifact, const JobRecord& job, const State& state,
                   const Options& options) {
  int64_t left = CheckpointsToKeep(job, options);
  if (left < 0) return true;
  const auto& checkpoints = state.CheckpointsOf(job.key);
  for (auto it = checkpoints.rbegin(); it != checkpoints.rend() && left > 0; ++it, --left) {
    if (it->artifact == artifact.id) return true;
  }
  return false;
}

// The artifacts that the job reads.
std::vector<std::string> NeededBy(const JobRecord& job) {
  std::vector<std::string> needed;
  for (const auto& [role, source] : job.input_sources) needed.push_back(source.artifact);
  for (const auto& [role, artifact] : job.inputs) needed.push_back(artifact);
  needed.push_back(job.checkpoint);
  return needed;
}

// Refuses if a job of another run that has not ended uses what this run made.
Status CheckUnused(const std::string& run, const State& state) {
  std::set<std::string> made;
  for (const auto& [created_ms, id] : state.MadeBy(run)) made.insert(id);
  // Runs that have not ended are all in memory.
  for (const auto& [id, other] : state.image().runs) {
    if (id == run || Ended(other.state)) continue;
    for (const JobRecord* job : state.JobsOf(id)) {
      if (Ended(job->state)) continue;
      for (const std::string& needed : NeededBy(*job)) {
        if (!made.contains(needed)) continue;
        const ArtifactRecord* artifact = state.FindArtifact(needed);
        return Status(StatusCode::kFailedPrecondition, ErrorReason::kArtifactInUse,
                      "job " + job->key.job + " of run " + id + " (" + other.name +
                          ") has not ended and uses " + artifact->kind + " " +
                          needed.substr(0, 12) + ", which run " + run +
                          " made: wait for it, or cancel it first");
      }
    }
  }
  return OkStatus();
}

}  // namespace

const char* Name(Keep keep) {
  switch (keep) {
    case Keep::kNo:
      return "nothing needs it";
    case Keep::kPinned:
      return "pinned";
    case Keep::kUsed:
      return "inputs, outputs and newest checkpoints of runs";
    case Keep::kUploaded:
      return "uploaded by a user";
    case Keep::kMade:
      return "made by a run that is there";
    case Keep::kLease:
      return "a running attempt resumed from it";
    case Keep::kNewest:
      return "among the newest checkpoints of a training";
  }
  return "";
}

int64_t CheckpointsToKeep(const JobRecord& job, const Options& options) {
  if (job.keep_checkpoints != 0) return job.keep_checkpoints;
  if (options.keep_checkpoints < 0) return -1;
  return job.state == JobState::kSucceeded ? 1 : options.keep_checkpoints;
}

Keep WhyKept(const ArtifactRecord& artifact, const State& state, const Options& options) {
  if (artifact.pinned) return Keep::kPinned;
  if (state.IsUsed(artifact.id)) return Keep::kUsed;
  if (artifact.made_by.run.empty()) return Keep::kUploaded;
  if (state.FindRun(artifact.made_by.run) == nullptr) return Keep::kNo;
  const JobRecord* job = state.FindJob(artifact.made_by.Job());
  if (!IsProgress(artifact) || job == nullptr) return Keep::kMade;
  const AttemptRecord* attempt = state.FindAttempt({job->key.run, job->key.job, job->epoch});
  if (attempt != nullptr && !Ended(attempt->state) && attempt->checkpoint == artifact.id)
    return Keep::kLease;
  return IsAmongNewest(artifact, *job, state, options) ? Keep::kNewest : Keep::kNo;
}

int64_t RemoveUnneeded(const std::string& id, const std::string& why, Transaction& tx) {
  const ArtifactRecord* artifact = tx.state().FindArtifact(id);
  if (artifact == nullptr || artifact->removed_ms > 0) return 0;
  if (WhyKept(*artifact, tx.state(), tx.options()) != Keep::kNo) return 0;
  const int64_t bytes = artifact->bytes;
  tx.Add(catalog::ArtifactRemoved{id, why, tx.wall_ms()});
  return bytes;
}

void RetireCheckpoints(const JobKey& key, Transaction& tx) {
  const JobRecord* job = tx.state().FindJob(key);
  if (job == nullptr) return;
  const int64_t keep = CheckpointsToKeep(*job, tx.options());
  const auto& checkpoints = tx.state().CheckpointsOf(key);
  if (keep < 0 || static_cast<int64_t>(checkpoints.size()) <= keep) return;
  const std::string why = "retention: " + key.job + " keeps its newest " +
                          (keep == 1 ? "checkpoint" : std::to_string(keep) + " checkpoints");
  // Copied, because removing changes the index.
  std::vector<std::string> old;
  for (auto it = checkpoints.begin();
       static_cast<int64_t>(old.size()) + keep < static_cast<int64_t>(checkpoints.size()); ++it)
    old.push_back(it->artifact);
  for (const std::string& id : old) (void)RemoveUnneeded(id, why, tx);
}

Status CheckThere(const ArtifactRecord& artifact) {
  if (artifact.removed_ms == 0) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, ErrorReason::kArtifactRemoved,
                "artifact " + artifact.id.substr(0, 12) + " was removed on " +
                    FormatUtc(artifact.removed_ms) + " (" + artifact.removed_why +
                    "): only its lineage is left; `braid artifact pin` keeps those that must stay");
}

Result<std::string> Pin(const std::string& id, bool pinned, Transaction& tx) {
  BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* artifact, tx.state().ResolveArtifact(id));
  if (pinned) BRAID_RETURN_IF_ERROR(CheckThere(*artifact));
  std::string whole = artifact->id;
  if (artifact->pinned != pinned) tx.Add(catalog::ArtifactPinned{whole, pinned});
  return whole;
}

Result<DeletedRun> DeleteRun(const std::string& text, Transaction& tx) {
  const State& state = tx.state();
  BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(text));
  if (!Ended(run->state)) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kRunActive,
                  "run " + run->id + " (" + run->name + ") has not ended: `braid cancel " +
                      run->id + "` first, or wait");
  }
  BRAID_RETURN_IF_ERROR(CheckUnused(run->id, state));
  DeletedRun deleted{run->id, run->name, static_cast<int64_t>(state.JobsOf(run->id).size())};
  // What it made, and what was uploaded for it, which has the source's name. What somebody uploaded
  // without a name or with one of their own is theirs, whichever runs have used it.
  std::set<std::string> made, uploaded;
  for (const auto& [created_ms, id] : state.MadeBy(deleted.id)) {
    if (state.FindArtifact(id)->removed_ms == 0) made.insert(id);
  }
  for (const auto& [name, id] : run->sources) {
    const ArtifactRecord* artifact = state.FindArtifact(id);
    if (artifact != nullptr && artifact->removed_ms == 0 && artifact->made_by.run.empty() &&
        artifact->name == name)
      uploaded.insert(id);
  }
  tx.Add(catalog::RunDeleted{deleted.id, deleted.name});
  const std::string why = "run " + deleted.id + " (" + deleted.name + ") was deleted";
  const auto remove = [&](const std::string& id, Keep harmless) {
    const ArtifactRecord& artifact = *state.FindArtifact(id);
    if (WhyKept(artifact, state, tx.options()) != harmless) {
      ++deleted.artifacts_kept;
      return;
    }
    ++deleted.artifacts;
    deleted.bytes += artifact.bytes;
    tx.Add(catalog::ArtifactRemoved{id, why, tx.wall_ms()});
  };
  for (const std::string& id : made) remove(id, Keep::kNo);
  for (const std::string& id : uploaded) remove(id, Keep::kUploaded);
  return deleted;
}

}  // namespace braid::coordinator
