// Uploads of a client: the files of an artifact, each of which goes on where a cut ended it.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "cli/client/client.h"

namespace braid::cli {
namespace {

// Large enough that the round trips of messages do not matter, and far below the limit of a message
// (rpc/channel.h).
constexpr size_t kPiece = size_t{1} << 20;
constexpr int kIdleTries = 3;  // of an upload that does not get on

}  // namespace

// Goes on where a cut ended it, as long as tries move something.
Status Client::UploadFile(const std::string& path, const std::string& sha256, uint64_t size,
                          const std::function<void(uint64_t)>& sent) {
  uint64_t told = 0, last_begin = 0;
  RatePatience patience;
  const auto tell = [&](uint64_t offset) {
    if (offset > told) sent(offset - told);
    told = std::max(told, offset);
  };
  for (int idle = 0;; ++idle) {
    v1::QueryUploadRequest query;
    query.set_sha256(sha256);
    query.set_size(size);
    query.set_user(UserName());
    BRAID_ASSIGN_OR_RETURN(
        const v1::QueryUploadResponse there,
        (Call<v1::QueryUploadResponse>(&v1::Artifacts::Stub::QueryUpload, artifacts(), query)));
    if (there.complete()) return tell(size), OkStatus();
    if (there.committed() > last_begin) idle = 0;
    last_begin = there.committed();
    tell(there.committed());
    Status status = UploadPieces(path, sha256, size, there.committed(), tell);
    if (status.ok()) return tell(size), OkStatus();
    // kOutOfRange: another sender has ended this upload, and somebody begun anew.
    if (patience.Wait(status)) continue;
    const bool again = status.code() == StatusCode::kUnavailable ||
                       status.code() == StatusCode::kOutOfRange;
    if (!again || idle >= kIdleTries) return status.Wrap("uploading " + path);
  }
}

// Sends what is behind `offset`; OK if the coordinator then has all of it.
Status Client::UploadPieces(const std::string& path, const std::string& sha256, uint64_t size,
                            uint64_t offset, const std::function<void(uint64_t)>& tell) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  grpc::ClientContext context;
  v1::QueryUploadResponse response;
  const auto writer = artifacts_->UploadBlob(&context, &response);
  v1::UploadBlobRequest request;
  request.set_sha256(sha256);
  request.set_size(size);
  request.set_offset(offset);
  bool going = true;
  do {
    std::string piece(std::min<uint64_t>(kPiece, size - std::min(offset, size)), '\0');
    if (const Status status = ReadAt(fd.get(), offset, piece.data(), piece.size(), path);
        !status.ok()) {
      context.TryCancel();
      (void)writer->Finish();
      return status;
    }
    offset += piece.size();
    request.set_data(std::move(piece));
    going = writer->Write(request);
    if (going) tell(offset);
    request.Clear();
  } while (going && offset < size);
  writer->WritesDone();
  BRAID_RETURN_IF_ERROR(StatusOf(writer->Finish()));
  return response.complete() ? OkStatus() : Unavailable("the upload ended early; try again");
}

Result<v1::Artifact> Client::PutFiles(const std::map<std::string, std::string>& files,
                                      const std::string& kind, const Json& metadata,
                                      const std::string& name,
                                      const std::function<void(uint64_t, uint64_t)>& progress) {
  storage::Manifest manifest;
  manifest.kind = kind;
  manifest.metadata = metadata;
  for (const auto& [path, local] : files) {
    if (!IsUtf8(path))
      return InvalidArgument(RepairUtf8(local) + ": the file's name is not UTF-8; rename it");
    storage::ManifestFile file{path, "", 0};
    BRAID_ASSIGN_OR_RETURN(file.sha256, Sha256File(local));
    BRAID_ASSIGN_OR_RETURN(file.size, FileSize(local));
    manifest.files.push_back(std::move(file));
  }
  uint64_t done = 0;
  for (const storage::ManifestFile& file : manifest.files) {
    BRAID_RETURN_IF_ERROR(
        UploadFile(files.at(file.path), file.sha256, file.size, [&](uint64_t bytes) {
          done += bytes;
          progress(done, manifest.TotalBytes());
        }));
  }
  v1::CommitArtifactRequest request;
  request.set_manifest_json(manifest.Canonical());
  request.set_name(name);
  request.set_user(UserName());
  request.set_request_id(RandomUuid());
  return Call<v1::Artifact>(&v1::Artifacts::Stub::CommitArtifact, artifacts(), request);
}

Result<v1::Artifact> Client::PutFolder(const std::string& folder, const std::string& kind,
                                       const Json& metadata, const std::string& name,
                                       const std::function<void(uint64_t, uint64_t)>& progress) {
  if (!IsFolder(folder))
    return NotFound(folder + (PathExists(folder) ? " is a file" : " is not there") +
                    ": name a folder, whose files become the artifact");
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
  if (paths.empty())
    return InvalidArgument(folder + " holds no files: an artifact has at least one");
  std::map<std::string, std::string> files;
  for (const std::string& path : paths) files[path] = JoinPath(folder, path);
  return PutFiles(files, kind, metadata, name, progress);
}

}  // namespace braid::cli
