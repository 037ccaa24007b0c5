// Which artifacts keep their bytes, and the decisions that follow from it: checkpoints that a
// training needs no more, runs that are deleted, pins. An artifact that is removed keeps its row,
// with the day and the reason; its blobs are deleted later (coordinator/api/garbage.h). This order,
// first the row and then the bytes, is what makes a crash harmless at every moment: what is left
// over is a blob that nothing needs, never an artifact without its bytes.
//
// The functions run in the core's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Why an artifact keeps its bytes, in the order in which the reasons are looked for.
enum class Keep {
  kNo,        // nothing needs it
  kPinned,    // a user pinned it
  kUsed,      // a run or a job names it: source, input, output, newest checkpoint
  kUploaded,  // a user put it there
  kMade,      // a run that is there made it, and not as a checkpoint on the way
  kLease,     // a live attempt resumed from it
  kNewest,    // one of the newest checkpoints of its job
};
// For people: "pinned", "newest checkpoints of a training".
const char* Name(Keep keep);

// How many checkpoints the job keeps now: as its recipe says (train.checkpoint.keep), else by the
// rule of the coordinator, and one of a job that has succeeded. -1: all.
int64_t CheckpointsToKeep(const JobRecord& job, const Options& options);

// REQUIRES: the artifact was not removed.
Keep WhyKept(const catalog::ArtifactRecord& artifact, const State& state, const Options& options);

// Removes the checkpoints of the job that are kept for nothing. Called when a checkpoint is
// committed and when a job has ended.
void RetireCheckpoints(const JobKey& job, Transaction& tx);

// Removes the artifact if it is there and nothing needs it; returns its size, else 0.
int64_t RemoveUnneeded(const std::string& artifact, const std::string& why, Transaction& tx);

// OK unless the artifact was removed; then kFailedPrecondition (ARTIFACT_REMOVED), which says when
// and why.
Status CheckThere(const catalog::ArtifactRecord& artifact);

// Pins or unpins the artifact; `id` may be a prefix. Errors of State::ResolveArtifact, and of
// CheckThere for a pin. Returns the whole id.
Result<std::string> Pin(const std::string& id, bool pinned, Transaction& tx);

// What DeleteRun removed.
struct DeletedRun {
  std::string id;
  std::string name;
  int64_t jobs = 0;
  // Artifacts that nothing else needs; the run's other ones stay.
  int64_t artifacts = 0;
  int64_t bytes = 0;
  int64_t artifacts_kept = 0;
};
// Deletes a run that has ended: its rows, its events, and what it made or uploaded and nothing else
// needs. `run` as for State::ResolveRun. kFailedPrecondition (RUN_ACTIVE) for a run that has not
// ended, and (ARTIFACT_IN_USE) if a job of another run that has not ended uses an artifact of it,
// with the name of that job.
Result<DeletedRun> DeleteRun(const std::string& run, Transaction& tx);

}  // namespace braid::coordinator
