#include "coordinator/sessions/reports.h"

#include <utility>

#include "coordinator/core/leased_rank.h"

namespace braid::coordinator {
namespace {

// The text of a failure: the program's error, or how the program ended.
std::string ErrorOf(const task::Outcome& outcome) {
  if (!outcome.failure.error.empty() || outcome.success) return outcome.failure.error;
  if (outcome.signal != 0)
    return "the task program was ended by signal " + std::to_string(outcome.signal);
  return "the task program ended with exit code " + std::to_string(outcome.exit_code);
}

}  // namespace

Result<catalog::ArtifactRecord> ArtifactOf(const std::string& manifest_json,
                                           storage::Manifest* manifest) {
  BRAID_ASSIGN_OR_RETURN(*manifest, storage::ParseManifest(manifest_json, "manifest"));
  catalog::ArtifactRecord artifact;
  artifact.id = manifest->Id();
  artifact.kind = manifest->kind;
  artifact.manifest = manifest->Canonical();
  artifact.bytes = static_cast<int64_t>(manifest->TotalBytes());
  artifact.files = static_cast<int64_t>(manifest->files.size());
  artifact.metadata = manifest->metadata.dump();
  artifact.parents = manifest->parents;
  return artifact;
}

Result<catalog::ArtifactRecord> ArtifactMadeBy(const task::RankKey& rank, const std::string& role,
                                               const std::string& manifest_json, bool bound,
                                               const BlobCheck& check) {
  storage::Manifest manifest;
  BRAID_ASSIGN_OR_RETURN(catalog::ArtifactRecord artifact, ArtifactOf(manifest_json, &manifest));
  if (!bound) BRAID_RETURN_IF_ERROR(check(manifest));
  artifact.bound = bound;
  artifact.made_by = rank.attempt();
  artifact.role = role;
  return artifact;
}

void Attribute(const task::RankKey& rank, Transaction& tx, catalog::ArtifactRecord* artifact) {
  artifact->created_ms = tx.wall_ms();
  const AttemptRecord* attempt = tx.state().FindAttempt(rank.attempt());
  if (attempt == nullptr) return;
  if (const RunRecord* run = tx.state().FindRun(rank.run)) artifact->user = run->user;
  const std::string* worker = WorkerOf(*attempt, rank.rank);
  if (worker == nullptr) return;
  artifact->worker = *worker;
  const auto record = tx.state().image().workers.find(*worker);
  if (record != tx.state().image().workers.end()) artifact->site = record->second.site;
}

Result<EndedCommand> EndedCommandOf(const task::RankKey& rank, const std::string& worker,
                                    const task::Outcome& outcome, const BlobCheck& check) {
  EndedCommand command;
  command.rank = rank;
  command.worker = worker;
  command.success = outcome.success;
  command.summary = outcome.summary;
  command.failure = outcome.failure;
  command.failure.error = ErrorOf(outcome);
  command.peer_lost = outcome.peer_lost;
  if (!outcome.success) return command;
  for (const auto& [role, manifest] : outcome.outputs) {
    auto artifact = ArtifactMadeBy(rank, role, manifest, outcome.bound.contains(role), check);
    if (!artifact.ok()) return artifact.status().Wrap("output " + role);
    command.outputs.push_back(std::move(*artifact));
  }
  return command;
}

Status CheckKnown(const task::RankKey& rank, const State& state) {
  const AttemptRecord* attempt = state.FindAttempt(rank.attempt());
  if (attempt != nullptr && WorkerOf(*attempt, rank.rank) != nullptr) return OkStatus();
  return Status(StatusCode::kAborted, ErrorReason::kStaleLease,
                "there is no attempt " + rank.attempt().ToString());
}

}  // namespace braid::coordinator
