#include "cli/client/client.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/utf8.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace braid::cli {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr int kIdleTries = 3;  // of an upload that does not get on

}  // namespace

Status FromGrpc(const grpc::Status& status, const std::string& address) {
  if (status.ok()) return OkStatus();
  const Status said = rpc::FromGrpc(status);
  const StatusCode code = said.code();
  const std::string& reason = said.reason();
  if (code == StatusCode::kUnavailable && reason.empty()) {
    return Status(code, "no coordinator answers at " + address + " (" + status.error_message() +
                            "); is it up? braid up starts one");
  }
  if (status.error_code() == grpc::UNAUTHENTICATED) {
    return Status(StatusCode::kPermissionDenied, "UNAUTHENTICATED",
                  "the coordinator at " + address + ": " + status.error_message());
  }
  if (status.error_message().empty()) {  // the library's own errors may say nothing
    return Status(code, reason,
                  "the coordinator at " + address + " answered " +
                      std::string(StatusCodeName(code)) + " and gave no reason");
  }
  return Status(code, reason, status.error_message());
}

Status Client::StatusOf(const grpc::Status& status) const {
  const Status converted = FromGrpc(status, endpoint_.address);
  if (converted.reason() != "UNAUTHENTICATED") return converted;
  return Status(
      converted.code(), converted.reason(),
      converted.message() + (endpoint_.token_file.empty()
                                 ? " (nothing here names a token's file for this address)"
                                 : " (the token of " + endpoint_.token_file + " was sent)"));
}

Client::Client(Endpoint endpoint) : endpoint_(std::move(endpoint)) {
  const auto channel = rpc::MakeChannel(endpoint_.address, endpoint_.token,
                                        {.retry_unavailable = true});
  runs_ = v1::Runs::NewStub(channel);
  jobs_ = v1::Jobs::NewStub(channel);
  artifacts_ = v1::Artifacts::NewStub(channel);
  merges_ = v1::Merges::NewStub(channel);
  admin_ = v1::Admin::NewStub(channel);
}

Result<v1::Run> Client::GetRun(const std::string& id) {
  v1::GetRunRequest request;
  request.set_id(id);
  return Call<v1::Run>(&v1::Runs::Stub::GetRun, runs(), request);
}

// Goes on where a cut ended it, as long as tries move something.
Status Client::UploadFile(const std::string& path, const std::string& sha256, uint64_t size,
                          const std::function<void(uint64_t)>& sent) {
  uint64_t told = 0, last_begin = 0;
  const auto tell = [&](uint64_t offset) {
    if (offset > told) sent(offset - told);
    told = std::max(told, offset);
  };
  for (int idle = 0;; ++idle) {
    v1::QueryUploadRequest query;
    query.set_sha256(sha256);
    query.set_size(size);
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
  request.set_request_id(RandomUuid());
  return Call<v1::Artifact>(&v1::Artifacts::Stub::CommitArtifact, artifacts(), request);
}

Result<v1::Artifact> Client::PutFolder(const std::string& folder, const std::string& kind,
                                       const Json& metadata, const std::string& name,
                                       const std::function<void(uint64_t, uint64_t)>& progress) {
  if (!IsFolder(folder)) return NotFound(folder + " is not a folder");
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
  if (paths.empty()) return InvalidArgument(folder + " holds no files");
  std::map<std::string, std::string> files;
  for (const std::string& path : paths) files[path] = JoinPath(folder, path);
  return PutFiles(files, kind, metadata, name, progress);
}

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
  while (true) {
    const uint64_t begin = offset;
    const Status status = DownloadPieces(sha256, fd.get(), part, &offset, got);
    if (status.ok()) break;
    if (status.code() != StatusCode::kUnavailable || offset == begin) return status;
  }
  BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(part));
  if (digest != sha256) {
    BRAID_RETURN_IF_ERROR(RemoveFile(part));
    return Status(StatusCode::kDataLoss, "DIGEST_MISMATCH",
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
