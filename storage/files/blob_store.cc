#include "storage/files/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

namespace braid::storage {

// An upload in progress. `written` bytes are in the file, `synced` of them survive a crash.
struct BlobStore::Upload {
  Mutex mutex;
  UniqueFd fd BRAID_GUARDED_BY(mutex);
  uint64_t written BRAID_GUARDED_BY(mutex) = 0;
  uint64_t synced BRAID_GUARDED_BY(mutex) = 0;
  bool gone BRAID_GUARDED_BY(mutex) = false;  // published or dropped; whoever waited starts over
};

namespace {

std::string BlobsOf(const std::string& folder) { return JoinPath(folder, "blobs"); }
std::string UploadsOf(const std::string& folder) { return JoinPath(folder, "uploads"); }

// Gives a complete, verified file its name. Read-only, so that hard links of it stay what they are.
Status Publish(const std::string& file, const std::string& final_path) {
  BRAID_RETURN_IF_ERROR(SyncFile(file));
  if (chmod(file.c_str(), 0444) != 0) return ErrnoStatus(errno, "making read-only " + file);
  BRAID_RETURN_IF_ERROR(MakeFolder(std::string(FolderOf(final_path))));
  BRAID_RETURN_IF_ERROR(Rename(file, final_path));
  return SyncFolder(std::string(FolderOf(final_path)));
}

Status WrongDigest(const std::string& what, const std::string& expected, const std::string& found) {
  return Status(StatusCode::kInvalidArgument, "DIGEST_MISMATCH",
                what + ": the bytes have SHA-256 " + found + ", not " + expected + "; nothing was stored, send it again");
}

}  // namespace

BlobStore::BlobStore(std::string folder) : folder_(std::move(folder)) {}
BlobStore::~BlobStore() = default;

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder) {
  BRAID_RETURN_IF_ERROR(MakeFolder(BlobsOf(folder)));
  BRAID_RETURN_IF_ERROR(MakeFolder(UploadsOf(folder)));
  // Copies that a crash left half-made have names of their own; uploads are kept and go on.
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(UploadsOf(folder)));
  for (const std::string& name : names) {
    if (!IsSha256Hex(name)) BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(UploadsOf(folder), name)));
  }
  return std::unique_ptr<BlobStore>(new BlobStore(folder));
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return JoinPath(JoinPath(BlobsOf(folder_), sha256.substr(0, 2)), sha256);
}

bool BlobStore::Has(const std::string& sha256) const { return IsSha256Hex(sha256) && PathExists(PathOf(sha256)); }

Result<uint64_t> BlobStore::Size(const std::string& sha256) const {
  if (!Has(sha256)) return Status(StatusCode::kNotFound, "BLOB_MISSING", "blob " + sha256 + " is not in the store");
  return FileSize(PathOf(sha256));
}

Result<BlobStore::UploadStatus> BlobStore::QueryUpload(const std::string& sha256, uint64_t size) {
  if (!IsSha256Hex(sha256)) return InvalidArgument("\"" + sha256 + "\" is not a SHA-256 in lower-case hex");
  if (Has(sha256)) return UploadStatus{size, true};
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(mutex_);
    const auto found = uploads_.find(sha256);
    if (found != uploads_.end()) upload = found->second;
  }
  if (upload != nullptr) {
    MutexLock lock(upload->mutex);
    return UploadStatus{upload->synced, false};
  }
  const std::string path = JoinPath(UploadsOf(folder_), sha256);
  if (!PathExists(path)) return UploadStatus{};
  // After a restart: what is in the file was written before; a torn tail shows in the digest at the end.
  BRAID_ASSIGN_OR_RETURN(const uint64_t there, FileSize(path));
  return UploadStatus{std::min(there, size), false};
}

Result<BlobStore::UploadStatus> BlobStore::WriteUpload(const std::string& sha256, uint64_t size, uint64_t offset,
                                                       std::string_view data) {
  if (!IsSha256Hex(sha256)) return InvalidArgument("\"" + sha256 + "\" is not a SHA-256 in lower-case hex");
  if (Has(sha256)) return UploadStatus{size, true};
  const std::string path = JoinPath(UploadsOf(folder_), sha256);
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(mutex_);
    std::shared_ptr<Upload>& slot = uploads_[sha256];
    if (slot == nullptr) slot = std::make_shared<Upload>();
    upload = slot;
  }
  MutexLock lock(upload->mutex);
  if (upload->gone) return Has(sha256) ? UploadStatus{size, true} : UploadStatus{};
  if (!upload->fd.valid()) {
    upload->fd.Reset(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
    if (!upload->fd.valid()) return ErrnoStatus(errno, "opening " + path);
    BRAID_ASSIGN_OR_RETURN(const uint64_t there, FileSize(path));
    upload->written = upload->synced = std::min(there, size);
  }
  if (offset > upload->written) {
    return Status(StatusCode::kOutOfRange, "OFFSET_MISMATCH",
                  Format("blob %s: a piece at %llu leaves a hole; go on from %llu", sha256.c_str(),
                         (unsigned long long)offset, (unsigned long long)upload->written));
  }
  if (offset + data.size() > size) {
    return InvalidArgument(Format("blob %s: more bytes than the %llu announced", sha256.c_str(), (unsigned long long)size));
  }
  const uint64_t skip = std::min<uint64_t>(upload->written - offset, data.size());
  data.remove_prefix(skip);
  if (lseek(upload->fd.get(), static_cast<off_t>(upload->written), SEEK_SET) < 0) return ErrnoStatus(errno, "seeking in " + path);
  BRAID_RETURN_IF_ERROR(WriteAll(upload->fd.get(), data, path));
  upload->written += data.size();
  if (upload->written < size) return UploadStatus{upload->written, false};

  upload->gone = true;
  {
    MutexLock store(mutex_);
    uploads_.erase(sha256);
  }
  BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(path));
  if (digest != sha256) {
    BRAID_RETURN_IF_ERROR(RemoveFile(path));
    return WrongDigest("blob " + sha256, sha256, digest);
  }
  BRAID_RETURN_IF_ERROR(Publish(path, PathOf(sha256)));
  return UploadStatus{size, true};
}

Status BlobStore::SyncUpload(const std::string& sha256) {
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(mutex_);
    const auto found = uploads_.find(sha256);
    if (found == uploads_.end()) return OkStatus();
    upload = found->second;
  }
  MutexLock lock(upload->mutex);
  if (upload->gone || !upload->fd.valid()) return OkStatus();
  if (fdatasync(upload->fd.get()) != 0) return ErrnoStatus(errno, "syncing the upload of " + sha256);
  upload->synced = upload->written;
  return OkStatus();
}

Status BlobStore::AddFile(const std::string& path, const std::string& sha256) {
  if (Has(sha256)) return OkStatus();
  // A copy, not the file itself: whoever wrote it may still hold it open.
  const std::string copy = JoinPath(UploadsOf(folder_), "copy." + RandomUuid());
  Status status = LinkOrCopy(path, copy);
  if (status.ok()) {
    const auto digest = Sha256File(copy);
    status = !digest.ok() ? digest.status() : *digest == sha256 ? OkStatus() : WrongDigest(path, sha256, *digest);
  }
  if (status.ok()) status = Publish(copy, PathOf(sha256));
  if (!status.ok()) (void)RemoveFile(copy);
  return status;
}

Result<std::string> BlobStore::AddBytes(std::string_view content) {
  const std::string digest = Sha256Hex(content);
  if (Has(digest)) return digest;
  const std::string copy = JoinPath(UploadsOf(folder_), "copy." + RandomUuid());
  Status status = WriteFileAtomic(copy, content);
  if (status.ok()) status = Publish(copy, PathOf(digest));
  if (!status.ok()) {
    (void)RemoveFile(copy);
    return status;
  }
  return digest;
}

Status BlobStore::Materialize(const Manifest& manifest, const std::string& folder) const {
  for (const ManifestFile& file : manifest.files) {
    if (!Has(file.sha256)) {
      return Status(StatusCode::kFailedPrecondition, "BLOB_MISSING",
                    "blob " + file.sha256 + " (" + file.path + ") is not in " + folder_);
    }
  }
  if (PathExists(folder)) return OkStatus();
  const std::string temporary = folder + ".tmp." + RandomUuid();
  Status status = MakeFolder(temporary);
  for (const ManifestFile& file : manifest.files) {
    if (!status.ok()) break;
    const std::string target = JoinPath(temporary, file.path);
    status = MakeFolder(std::string(FolderOf(target)));
    if (status.ok()) status = LinkOrCopy(PathOf(file.sha256), target);
  }
  if (status.ok()) {
    status = Rename(temporary, folder);
    if (!status.ok() && PathExists(folder)) status = OkStatus();  // another thread was first
  }
  if (!status.ok() || PathExists(temporary)) (void)RemoveTree(temporary);
  return status;
}

Status BlobStore::Verify(const std::string& sha256) const {
  if (!Has(sha256)) return Status(StatusCode::kDataLoss, "BLOB_MISSING", "blob " + sha256 + " is not in the store");
  BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(PathOf(sha256)));
  if (digest == sha256) return OkStatus();
  return Status(StatusCode::kDataLoss, "DIGEST_MISMATCH",
                "blob " + sha256 + " has changed on disk (" + PathOf(sha256) + "); remove it and send it again");
}

Result<std::vector<std::string>> BlobStore::List() const {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(BlobsOf(folder_)));
  std::vector<std::string> digests;
  for (const std::string& path : paths) {
    if (const std::string name(BaseName(path)); IsSha256Hex(name)) digests.push_back(name);
  }
  std::sort(digests.begin(), digests.end());
  return digests;
}

Status BlobStore::Remove(const std::string& sha256) { return RemoveFile(PathOf(sha256)); }

}  // namespace braid::storage
