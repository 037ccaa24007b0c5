#include "worker/transfer.h"

#include <atomic>
#include <memory>

#include "base/file.h"
#include "base/random.h"

namespace braid::worker {
namespace {

constexpr int64_t kTurnLookMs = 100;
constexpr int kMostTries = 3;  // to lay out an artifact whose files a neighbour takes out of the
                               // cache meanwhile

// What the other side, or our disk, has to get once more: torn by a crash, or lost by a failed
// fsync, and dropped there since.
bool IsDamage(const Status& status) {
  return status.reason() == "DIGEST_MISMATCH" || status.reason() == "FSYNC_FAILED";
}

// Waits until nobody else of this worker moves the blob; null after a stop.
std::unique_ptr<storage::BlobStore::Turn> TurnOf(const storage::BlobStore& cache,
                                                 const std::string& what, const StopSignal& stop) {
  while (!stop.IsSet()) {
    if (auto turn = cache.TakeTurn(what, kTurnLookMs)) return turn;
  }
  return nullptr;
}

double Draw() {
  static const RandomStream draws(0, RandomUuid());
  static std::atomic<uint64_t> next{0};
  return draws.Uniform(next++);
}

}  // namespace

bool MayPass(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded || status.reason() == "STORAGE_FULL";
}

Status Persist(StopSignal& stop, const std::function<Status()>& call, Backoff backoff) {
  while (true) {
    const Status status = call();
    if (!MayPass(status)) return status;
    if (stop.WaitFor(backoff.Next(Draw()))) return Cancelled("the worker no longer needs it");
  }
}

Status UploadBlob(BlobLink& link, const storage::BlobStore& cache, const std::string& sha256,
                  StopSignal& stop, Backoff backoff) {
  const auto turn = TurnOf(cache, "upload " + sha256, stop);
  if (turn == nullptr) return Cancelled("the worker no longer needs it");
  int wrong = 0;
  return Persist(
      stop,
      [&]() -> Status {
        // A neighbour with the same blob may have sent it, and taken it out of the cache.
        const Result<uint64_t> size = cache.Size(sha256);
        bool complete = false;
        BRAID_ASSIGN_OR_RETURN(const uint64_t committed,
                               link.CommittedBytes(sha256, size.ok() ? *size : 0, &complete));
        if (complete) return OkStatus();
        BRAID_RETURN_IF_ERROR(size.status());
        const Status status = link.Upload(sha256, *size, committed, cache.PathOf(sha256));
        // Somebody else sent the same blob, or the coordinator forgot an unsynced tail: ask again
        // where to go on.
        if (status.code() == StatusCode::kOutOfRange) return Unavailable(status.message());
        // What lay there from before a crash was torn; it is dropped now. A second time it is our
        // own file.
        if (IsDamage(status) && ++wrong < 2) return Unavailable(status.message());
        return status;
      },
      backoff);
}

Status DownloadBlob(BlobLink& link, storage::BlobStore& cache, const std::string& sha256,
                    uint64_t size, StopSignal& stop, Backoff backoff) {
  if (cache.Has(sha256)) return OkStatus();
  const auto turn = TurnOf(cache, "download " + sha256, stop);
  if (turn == nullptr) return Cancelled("the worker no longer needs it");
  int wrong = 0;
  return Persist(
      stop,
      [&]() -> Status {
        BRAID_ASSIGN_OR_RETURN(storage::BlobStore::UploadStatus there,
                               cache.QueryUpload(sha256, size));
        if (there.complete) return OkStatus();
        uint64_t offset = there.committed;
        const auto take = [&](std::string_view piece) -> Status {
          if (stop.IsSet()) return Cancelled("the worker no longer needs it");
          Result<storage::BlobStore::UploadStatus> written = cache.WriteUpload(sha256, size, offset,
                                                                               piece);
          // Of this disk, not of the coordinator's: the job waits in the queue, where another
          // worker may take it.
          if (written.status().reason() == "STORAGE_FULL") {
            return Status(StatusCode::kResourceExhausted, "DISK_FULL", written.status().message());
          }
          BRAID_ASSIGN_OR_RETURN(there, std::move(written));
          offset += piece.size();
          return OkStatus();
        };
        // Of an empty blob, and after a restart perhaps, every byte is here and only the
        // verification is missing.
        Status status = offset < size ? link.Download(sha256, offset, take) : take("");
        // What has come counts: the next try goes on behind it.
        if (!there.complete) {
          if (const Status synced = cache.SyncUpload(sha256); !synced.ok()) status = synced;
        }
        if (IsDamage(status)) {
          if (++wrong < 2) return Unavailable(status.message());
          return Status(StatusCode::kDataLoss, status.reason(), status.message());
        }
        BRAID_RETURN_IF_ERROR(status);
        return there.complete ? OkStatus() : Unavailable("blob " + sha256 + " ended early");
      },
      backoff);
}

Status UploadArtifact(CoordinatorLink& link, const storage::BlobStore& cache,
                      const storage::Manifest& manifest, StopSignal& stop) {
  std::vector<std::string> digests;
  for (const storage::ManifestFile& file : manifest.files) digests.push_back(file.sha256);
  std::vector<std::string> missing;
  BRAID_RETURN_IF_ERROR(Persist(stop, [&]() -> Status {
    BRAID_ASSIGN_OR_RETURN(missing, link.FindMissing(digests));
    return OkStatus();
  }));
  for (const std::string& digest : missing)
    BRAID_RETURN_IF_ERROR(UploadBlob(link, cache, digest, stop));
  return OkStatus();
}

Result<std::string> FetchArtifact(CoordinatorLink& link, storage::BlobStore& cache,
                                  const std::string& artifact, const std::string& folder,
                                  StopSignal& stop) {
  const std::string target = JoinPath(folder, artifact);
  if (PathExists(target)) return target;
  storage::Manifest manifest;
  BRAID_RETURN_IF_ERROR(Persist(stop, [&]() -> Status {
    BRAID_ASSIGN_OR_RETURN(manifest, link.GetManifest(artifact));
    return OkStatus();
  }));
  // Beside the folder: what the user calls its files, which messages name instead of this cache.
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(ManifestPath(folder, artifact), manifest.Canonical()));
  Status laid_out;
  for (int tries = 0; tries < kMostTries; ++tries) {
    for (const storage::ManifestFile& file : manifest.files) {
      BRAID_RETURN_IF_ERROR(
          DownloadBlob(link, cache, file.sha256, file.size, stop).Wrap("fetching " + file.path));
    }
    laid_out = cache.Materialize(manifest, target);
    if (laid_out.ok()) return target;
    if (laid_out.reason() != "BLOB_MISSING" && laid_out.code() != StatusCode::kNotFound) break;
  }
  return laid_out;
}

std::string ManifestPath(const std::string& folder, const std::string& artifact) {
  return JoinPath(folder, artifact) + std::string(kManifestEnding);
}

Result<storage::Manifest> ManifestOf(const std::string& folder, const std::string& artifact) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(ManifestPath(folder, artifact)));
  return storage::ParseManifest(text, "artifact " + artifact);
}

Result<storage::Manifest> IngestFolder(storage::BlobStore& cache, const std::string& folder,
                                       const std::string& kind, const Json& metadata) {
  BRAID_ASSIGN_OR_RETURN(storage::Manifest manifest,
                         storage::ManifestOfFolder(folder, kind, metadata));
  for (const storage::ManifestFile& file : manifest.files) {
    BRAID_RETURN_IF_ERROR(cache.AddFile(JoinPath(folder, file.path), file.sha256));
  }
  return manifest;
}

}  // namespace braid::worker
