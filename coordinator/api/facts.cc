#include "coordinator/api/facts.h"

#include <memory>
#include <utility>

#include "base/log.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/garbage.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/bulk/curves.h"
#include "coordinator/core/attempts.h"
#include "coordinator/sessions/reports.h"
#include "task/artifact.h"

namespace braid::coordinator {
namespace {

using storage::BlobStore;

// Holds the blobs before it looks for them, until what names them is durable.
BlobCheck CheckOf(const Backend& backend, const std::shared_ptr<BlobStore::Hold>& hold) {
  return [&backend, hold](const storage::Manifest& manifest) {
    for (const storage::ManifestFile& file : manifest.files) hold->Add(file.sha256);
    return CheckBlobs(manifest, *backend.blobs);
  };
}

// Lines for people: a disk that does not keep them is no reason to refuse a result.
void SyncOrSay(AppendFiles& files, const std::string& name) {
  if (const Status status = files.Sync(name); !status.ok())
    Log(LogLevel::kError, "coordinator", status.message());
}

}  // namespace

Status CheckBlobs(const storage::Manifest& manifest, const storage::BlobStore& blobs) {
  for (const storage::ManifestFile& file : manifest.files) {
    if (!blobs.Has(file.sha256)) {
      return Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                    "file " + file.path + ": blob " + file.sha256 + " (" +
                        std::to_string(file.size) + " bytes) is not in the store: upload it first");
    }
    BRAID_ASSIGN_OR_RETURN(const uint64_t size, blobs.Size(file.sha256));
    if (size != file.size) {
      return InvalidArgument("file " + file.path + ": the manifest says " +
                             std::to_string(file.size) + " bytes, blob " + file.sha256 + " has " +
                             std::to_string(size));
    }
  }
  return OkStatus();
}

Result<CoreWork> PutArtifact(const Backend& backend, const std::string& manifest_json,
                             const std::string& name, const std::string& user,
                             const std::string& request_id, ShowArtifact show) {
  storage::Manifest manifest;
  BRAID_ASSIGN_OR_RETURN(catalog::ArtifactRecord artifact, ArtifactOf(manifest_json, &manifest));
  const auto hold = std::make_shared<BlobStore::Hold>(backend.blobs);
  BRAID_RETURN_IF_ERROR(CheckOf(backend, hold)(manifest));
  artifact.name = name;
  artifact.user = user;
  return Holding(CommitArtifact(request_id, std::move(artifact), std::move(show)), hold);
}

Status VerifyBlobs(const catalog::ArtifactRecord& artifact, storage::BlobStore& blobs) {
  BRAID_ASSIGN_OR_RETURN(const storage::Manifest manifest,
                         storage::ParseManifest(artifact.manifest, "artifact " + artifact.id));
  for (const storage::ManifestFile& file : manifest.files) {
    if (const Status status = blobs.Verify(file.sha256); !status.ok())
      return status.Wrap("artifact " + artifact.id.substr(0, 12) + ", file " + file.path);
  }
  return OkStatus();
}

CoreWork StartedFact(const RankKey& rank) {
  return {[rank](Transaction& tx) { return ReportStarted(rank, tx); }, nullptr};
}

Result<CoreWork> CheckpointFact(const Backend& backend, const RankKey& rank, int64_t step,
                                const std::string& manifest_json, bool bound) {
  const auto hold = std::make_shared<BlobStore::Hold>(backend.blobs);
  BRAID_ASSIGN_OR_RETURN(catalog::ArtifactRecord artifact,
                         ArtifactMadeBy(rank, NameOf(task::ArtifactKind::kCheckpoint),
                                        manifest_json, bound, CheckOf(backend, hold)));
  // Before the checkpoint counts: a crash of this machine leaves none without the metrics up to it.
  SyncOrSay(*backend.metrics, MetricsName(rank));
  CoreWork work{[rank, step, artifact = std::move(artifact)](Transaction& tx) mutable {
                  Attribute(rank, tx, &artifact);
                  return CommitCheckpoint(rank, step, artifact, tx);
                },
                nullptr};
  return Holding(std::move(work), hold);
}

Result<CoreWork> EndedFact(Backend& backend, const RankKey& rank, const std::string& worker,
                           const task::Outcome& outcome) {
  const auto hold = std::make_shared<BlobStore::Hold>(backend.blobs);
  BRAID_ASSIGN_OR_RETURN(EndedCommand command,
                         EndedCommandOf(rank, worker, outcome, CheckOf(backend, hold)));
  SyncOrSay(*backend.logs, LogName(rank));
  if (rank.rank == 0) SyncOrSay(*backend.metrics, MetricsName(rank));
  CoreWork work{[rank, command = std::move(command)](Transaction& tx) mutable {
                  for (catalog::ArtifactRecord& output : command.outputs)
                    Attribute(rank, tx, &output);
                  return ReportEnded(command, tx);
                },
                [rank, &backend](const State& state) {
                  if (LiveAttemptOf(rank.attempt(), state).ok()) return OkStatus();
                  // The last rank of the gang takes its keys along.
                  backend.rendezvous->Forget(rank.attempt());
                  if (backend.curves != nullptr)
                    backend.files.Do([curves = backend.curves, attempt = rank.attempt()] {
                      curves->Keep(attempt);
                    });
                  return OkStatus();
                }};
  return Holding(std::move(work), hold);
}

CoreWork CheckLive(const RankKey& rank) {
  return {nullptr,
          [rank](const State& state) { return LiveAttemptOf(rank.attempt(), state).status(); }};
}

bool KnownRanks::Has(const Identity& who, const RankKey& rank) {
  MutexLock lock(mutex_);
  return known_.contains({who.credential, rank});
}

CoreWork KnownRanks::Check(const Identity& who, const RankKey& rank) {
  return {nullptr, [this, who, rank](const State& state) {
            BRAID_RETURN_IF_ERROR(CheckKnown(rank, state));
            BRAID_RETURN_IF_ERROR(CheckOwnRank(who, rank, state));
            MutexLock lock(mutex_);
            // Emptying the set is harmless: the next call of each rank asks the core again.
            if (known_.size() >= kMost) known_.clear();
            known_.insert({who.credential, rank});
            return OkStatus();
          }};
}

Result<int64_t> AppendPiece(AppendFiles* files, const std::string& name, int64_t offset,
                            std::string_view data) {
  if (offset < 0) return InvalidArgument("an offset is not negative");
  BRAID_ASSIGN_OR_RETURN(const uint64_t end,
                         files->Append(name, static_cast<uint64_t>(offset), data));
  return static_cast<int64_t>(end);
}

}  // namespace braid::coordinator
