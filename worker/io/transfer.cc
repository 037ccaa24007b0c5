#include "worker/io/transfer.h"

#include <memory>

#include "base/file.h"
#include "base/log.h"
#include "worker/io/cached_manifests.h"

namespace braid::worker {
namespace {

// How often a download that waits for another one of the same blob checks whether it should stop.
constexpr int64_t kTurnLookMs = 100;

// DISK_FULL is not transient (STORAGE_FULL would be retried here for ever): the rank fails, and its
// job waits in the queue, where another worker can take it.
Status OfThisDisk(const Status& status) {
  if (!status.Is(ErrorReason::kStorageFull)) return status;
  return Status(StatusCode::kResourceExhausted, ErrorReason::kDiskFull, status.message());
}

// Those from which a blob is fetched. `offset` is raised by `take`.
struct Sources {
  BlobLink& link;
  Neighbours* neighbours;
  const DownloadBlob& blob;
  const StopSignal& stop;

  Status Fetch(const uint64_t& offset, const TakePiece& take) const {
    if (blob.bound) return FetchBound(offset, take);
    if (neighbours != nullptr) BRAID_RETURN_IF_ERROR(neighbours->Fetch(blob, offset, take, stop));
    return offset < blob.size ? link.Download(blob.sha256, blob.artifact, offset, take)
                              : OkStatus();
  }
  // After wrong bytes of neighbours: the coordinator is asked once for all of it, if it has it.
  Status FetchAgain(const uint64_t& offset, const TakePiece& take) const {
    return blob.bound ? FetchBound(offset, take)
                      : link.Download(blob.sha256, blob.artifact, offset, take);
  }

 private:
  Status FetchBound(const uint64_t& offset, const TakePiece& take) const {
    if (neighbours != nullptr) return neighbours->FetchBound(blob, offset, take, stop);
    return Status(
        StatusCode::kFailedPrecondition, ErrorReason::kBoundToSite,
        "artifact " + blob.artifact.substr(0, 12) +
            " is bound to its site, and this worker fetches nothing from others: start it "
            "with --site");
  }
};

}  // namespace

Status TryUpload(BlobLink& link, const storage::BlobStore& cache, const std::string& sha256,
                 const OutputName& output) {
  // A missing file is no error yet: another rank with the same blob may have sent it and removed it
  // from the cache.
  const Result<uint64_t> size = cache.Size(sha256);
  bool complete = false;
  BRAID_ASSIGN_OR_RETURN(const uint64_t committed,
                         link.CommittedBytes(sha256, size.ok() ? *size : 0, &complete));
  if (complete) return OkStatus();
  BRAID_RETURN_IF_ERROR(size.status());
  return link.Upload({sha256, *size, committed, cache.PathOf(sha256), output});
}

Status TryDownload(BlobLink& link, storage::BlobStore& cache, const DownloadBlob& blob,
                   const StopSignal& stop, Neighbours* neighbours) {
  const std::string& sha256 = blob.sha256;
  const uint64_t size = blob.size;
  const Status cancelled = Cancelled("the worker no longer needs it");
  if (cache.Has(sha256)) return OkStatus();
  // Two tries that write the same file would garble it, and a cancelled one may still be ending.
  std::unique_ptr<storage::BlobStore::Turn> turn;
  while (turn == nullptr) {
    if (stop.IsSet()) return cancelled;
    turn = cache.TakeTurn("download " + sha256, kTurnLookMs);
  }
  BRAID_ASSIGN_OR_RETURN(storage::BlobStore::UploadStatus there, cache.QueryUpload(sha256, size));
  if (there.complete) return OkStatus();
  uint64_t offset = there.committed;
  const auto take = [&](std::string_view piece) -> Status {
    if (stop.IsSet()) return cancelled;
    Result<storage::BlobStore::UploadStatus> written = cache.WriteUpload(sha256, size, offset,
                                                                         piece);
    if (!written.ok()) return OfThisDisk(written.status());
    there = *written;
    offset += piece.size();
    return OkStatus();
  };
  const Sources sources{link, neighbours, blob, stop};
  // If all bytes are here (the blob is empty, or the process ended before the verification),
  // writing nothing completes it.
  Status status = offset < size ? sources.Fetch(offset, take) : take("");
  // What neighbours sent is not to blame the coordinator for, nor other neighbours. Each time fewer
  // of them are left.
  while (status.Is(ErrorReason::kDigestMismatch) && neighbours != nullptr &&
         neighbours->Distrust(blob)) {
    offset = 0;
    there = {};
    status = sources.FetchAgain(offset, take);
  }
  // After a failure the bytes so far are synced, so that the next try continues behind them.
  if (!there.complete) {
    if (const Status synced = cache.SyncUpload(sha256); !synced.ok()) status = synced;
  }
  // A call that only tells of what is here already may fail.
  if (there.complete) {
    if (neighbours != nullptr) neighbours->Arrived(blob);
    return OkStatus();
  }
  BRAID_RETURN_IF_ERROR(status);
  return Unavailable("blob " + sha256 + " ended early");
}

Result<ArtifactFound> TryFind(CoordinatorLink& link, storage::BlobStore& cache,
                              const std::string& artifact, const std::string& folder) {
  ArtifactFound found;
  if (PathExists(folder)) {
    Result<storage::Manifest> manifest = FindWhole(folder, cache);
    if (manifest.ok()) return ArtifactFound{true, *std::move(manifest)};
    Log(LogLevel::kWarning, "cache", manifest.status().message() + "; it is fetched again");
    BRAID_RETURN_IF_ERROR(RemoveLayout(folder));
  }
  BRAID_ASSIGN_OR_RETURN(KnownArtifact known, link.GetArtifact(artifact));
  found.manifest = std::move(known.manifest);
  found.bound = known.bound;
  BRAID_RETURN_IF_ERROR(OfThisDisk(MakeFolder(FolderOf(folder))));
  BRAID_RETURN_IF_ERROR(
      OfThisDisk(WriteFileAtomic(ManifestPath(folder), found.manifest.Canonical())));
  return found;
}

Result<storage::Manifest> TryIngest(storage::BlobStore& cache, const std::string& folder,
                                    const std::string& kind, const Json& metadata) {
  // Each file is read once: the digest with which it is added is the manifest's.
  return storage::ManifestOfFolder(folder, kind, metadata,
                                   [&](const std::string& path) { return cache.AddFile(path); });
}

}  // namespace braid::worker
