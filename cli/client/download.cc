// Downloads of a client: the files of an artifact, each verified by its digest.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/client/client.h"

namespace braid::cli {

// The part file keeps what arrived: an interrupted download goes on there, of this command or of
// the next one. Of two commands that fetch one file the second waits.
Status Client::DownloadFile(const std::string& sha256, const std::string& path,
                            const std::function<void(uint64_t)>& got) {
  const std::string part = path + ".part";
  UniqueFd fd;
  while (true) {
    fd.Reset(open(part.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644));
    if (!fd.valid()) return ErrnoStatus(errno, "creating " + part);
    if (flock(fd.get(), LOCK_EX) != 0 && errno != ENOTSUP && errno != EINVAL)
      return ErrnoStatus(errno, "locking " + part);
    struct stat ours{}, named{};
    if (fstat(fd.get(), &ours) == 0 && stat(part.c_str(), &named) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
      break;
    // Renamed or removed while we waited: the other command has fetched it, or given up.
    if (const Result<std::string> digest = Sha256File(path); digest.ok() && *digest == sha256)
      return OkStatus();
  }
  BRAID_ASSIGN_OR_RETURN(uint64_t offset, FileSize(part));
  got(offset);
  RatePatience patience;
  while (true) {
    const uint64_t begin = offset;
    const Status status = DownloadPieces(sha256, fd.get(), part, &offset, got);
    if (status.ok()) break;
    if (patience.Wait(status)) continue;
    if (status.code() != StatusCode::kUnavailable || offset == begin) return status;
  }
  BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(part));
  if (digest != sha256) {
    BRAID_RETURN_IF_ERROR(RemoveFile(part));
    return Status(StatusCode::kDataLoss, ErrorReason::kDigestMismatch,
                  path + ": what arrived has another SHA-256; try again");
  }
  if (const Status synced = SyncFile(part); !synced.ok()) {
    (void)RemoveFile(part);  // a second fsync would succeed without the bytes
    return synced;
  }
  return Rename(part, path);
}

// Appends what comes from `offset` on and moves it.
Status Client::DownloadPieces(const std::string& sha256, int fd, const std::string& part,
                              uint64_t* offset, const std::function<void(uint64_t)>& got) {
  grpc::ClientContext context;
  v1::DownloadBlobRequest request;
  request.set_sha256(sha256);
  request.set_offset(*offset);
  const auto reader = artifacts_->DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  while (reader->Read(&piece)) {
    if (const Status status = WriteAll(fd, piece.data(), part); !status.ok()) {
      context.TryCancel();
      (void)reader->Finish();
      return status;
    }
    *offset += piece.data().size();
    got(piece.data().size());
  }
  return StatusOf(reader->Finish());
}

Result<v1::Artifact> Client::GetToFolder(const std::string& artifact, const std::string& folder,
                                         const std::function<void(uint64_t, uint64_t)>& progress) {
  v1::GetArtifactRequest request;
  request.set_id(artifact);
  BRAID_ASSIGN_OR_RETURN(v1::Artifact found, (Call<v1::Artifact>(&v1::Artifacts::Stub::GetArtifact,
                                                                 artifacts(), request)));
  BRAID_ASSIGN_OR_RETURN(const storage::Manifest manifest,
                         storage::ParseManifest(found.manifest_json(), "artifact " + artifact));
  if (found.removed_ms() > 0) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kArtifactRemoved,
                  "artifact " + artifact + " was removed on " + FormatUtc(found.removed_ms()) +
                      " (" + found.removed_why() + "): only its lineage is left");
  }
  if (found.bound()) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kBoundToSite,
                  "artifact " + artifact + " is bound to site " + found.site() +
                      " and does not leave it: its files are on worker " + found.worker() +
                      ", in artifacts/" + found.id() + " of its folder");
  }
  uint64_t done = 0;
  for (const storage::ManifestFile& file : manifest.files) {
    const std::string path = JoinPath(folder, file.path);
    BRAID_RETURN_IF_ERROR(MakeFolder(std::string(FolderOf(path))));
    if (PathExists(path)) {
      const Result<std::string> digest = Sha256File(path);
      if (digest.ok() && *digest == file.sha256) {
        done += file.size;
        continue;
      }
    }
    BRAID_RETURN_IF_ERROR(DownloadFile(file.sha256, path, [&](uint64_t bytes) {
      done += bytes;
      progress(done, manifest.TotalBytes());
    }));
  }
  return found;
}

}  // namespace braid::cli
