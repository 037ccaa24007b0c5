#include "storage/files/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/random.h"
#include "base/text.h"
#include "storage/files/file_time.h"

namespace braid::storage {

// An upload in progress. `written` bytes are in the file, and `synced` of them survive a crash. The
// store's mutex guards both, and they change only while `io` is held as well: a call holds `io`
// during its slow writes, while others can ask for the state under the short mutex.
struct BlobStore::Upload {
  // The file, kept open, and the digest of its first `hashed` bytes, while the bytes come in their
  // order from the first on. Then nothing has to be read again to verify it. As the file is open,
  // the kernel does not forget that it could not write a part of it.
  struct Stream {
    Stream(std::atomic<int>* streams, UniqueFd file) : all(streams), fd(std::move(file)) { ++*all; }
    ~Stream() { --*all; }
    std::atomic<int>* const all;  // how many the store has
    UniqueFd fd;
    Sha256 digest;
    uint64_t hashed = 0;
  };
  // Held by the one call that writes or publishes.
  Mutex io;
  // Null for an upload that goes on from an earlier process or call, and for one of too many.
  // Touched by the call that holds `io`.
  std::unique_ptr<Stream> stream;
  // Published or dropped: a call that waited for `io` has to start over.
  bool gone BRAID_GUARDED_BY(io) = false;
  uint64_t written = 0;
  uint64_t synced = 0;
  // The number of calls that use the upload; guarded by the store's mutex.
  int users = 0;
};

// Keeps an upload from being dropped as abandoned while a call uses it.
class BlobStore::Use {
 public:
  Use(BlobStore* store, const std::string& name) : store_(store) {
    MutexLock lock(store_->mutex_);
    if (!store_->uploads_.contains(name)) store_->DropOldUploads();
    std::shared_ptr<Upload>& slot = store_->uploads_[name];
    if (slot == nullptr) slot = std::make_shared<Upload>();
    upload_ = slot;
    ++upload_->users;
  }
  ~Use() {
    MutexLock lock(store_->mutex_);
    --upload_->users;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Upload& operator*() const { return *upload_; }
  Upload* operator->() const { return upload_.get(); }

 private:
  BlobStore* const store_;
  std::shared_ptr<Upload> upload_;
};

namespace {

// So many uploads at a time are hashed as they come, each of which holds a descriptor.
constexpr int kMostStreams = 64;

std::string BlobsOf(const std::string& folder) {
  return JoinPath(folder, "blobs");
}
std::string UploadsOf(const std::string& folder) {
  return JoinPath(folder, "uploads");
}

// The size is part of the name, so that a client with a wrong size does not spoil the upload of
// another client.
std::string UploadName(const std::string& sha256, uint64_t size) {
  return sha256 + "." + std::to_string(size);
}

bool IsUploadName(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || !IsSha256Hex(name.substr(0, dot))) return false;
  uint64_t size = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data() + dot + 1, end, size);
  return error == std::errc() && stopped == end &&
         UploadName(std::string(name.substr(0, dot)), size) == name;
}

Status WrongDigest(const std::string& what, const std::string& expected, const std::string& found) {
  return Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                what + ": the bytes have SHA-256 " + found + ", not " + expected +
                    "; nothing was stored, send it again");
}

// The error after a failed fsync, whose file was removed. A full disk is not damage: its own code
// lets the client wait and send the bytes again.
Status Unsynced(const Status& failed, const std::string& what) {
  const std::string message = failed.message() + "; " + what +
                              " is removed, as its bytes may not be on the disk: send it again";
  const Status status = failed.Is(ErrorReason::kStorageFull)
                            ? Status(failed.code(), failed.reason(), message)
                            : Status(StatusCode::kDataLoss, ErrorReason::kFsyncFailed, message);
  Log(LogLevel::kError, "store", status.ToString());
  return status;
}

// When a file was last written to, in milliseconds since 1970; 0 if it is not there.
int64_t WrittenMs(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 ? ModifiedMs(info) : 0;
}

}  // namespace

BlobStore::BlobStore(std::string folder, const Limits& limits)
    : folder_(std::move(folder)), limits_(limits) {}
BlobStore::~BlobStore() = default;

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder,
                                                   const Limits& limits) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(folder));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(BlobsOf(folder)));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(UploadsOf(folder)));
  std::unique_ptr<BlobStore> store(new BlobStore(folder, limits));
  // Copies that a crash left half-made have names of their own; uploads are kept and go on.
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(UploadsOf(folder)));
  for (const std::string& name : names) {
    // Files with other names are copies that a crash left half-made. Uploads are kept and
    // continued.
    if (IsUploadName(name)) {
      store->LoadUpload(name);
    } else {
      // Fails for a folder, which braid does not make here and which does no harm.
      (void)RemoveFile(JoinPath(UploadsOf(folder), name));
    }
  }
  store->DropAbandonedUploads();
  return store;
}

// All bytes in the file count as synced: if the end was torn by a crash, the digest will show it.
void BlobStore::LoadUpload(const std::string& name) {
  const Result<uint64_t> there = FileSize(UploadPath(name));
  if (!there.ok()) return;
  const auto upload = std::make_shared<Upload>();
  const uint64_t size = std::strtoull(name.c_str() + name.find('.') + 1, nullptr, 10);
  upload->written = upload->synced = std::min(*there, size);
  MutexLock lock(mutex_);
  uploads_[name] = upload;
}

std::string BlobStore::UploadPath(const std::string& name) const {
  return JoinPath(UploadsOf(folder_), name);
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return JoinPath(JoinPath(BlobsOf(folder_), sha256.substr(0, 2)), sha256);
}

bool BlobStore::Has(const std::string& sha256) const {
  if (!IsSha256Hex(sha256)) return false;
  if (IsRemote(sha256)) return true;
  if (!PathExists(PathOf(sha256))) return false;
  MutexLock lock(mutex_);
  return !publishing_.contains(sha256);
}

Result<uint64_t> BlobStore::Size(const std::string& sha256) const {
  if (!Has(sha256))
    return Status(StatusCode::kNotFound, ErrorReason::kBlobMissing,
                  "blob " + sha256 + " is not in the store");
  const Result<uint64_t> here = FileSize(PathOf(sha256));
  if (here.ok() || !IsRemote(sha256)) return here;
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(EntryPath(sha256)));
  BRAID_ASSIGN_OR_RETURN(const int64_t size, ParseInt(Trim(text)));
  return static_cast<uint64_t>(size);
}

Result<BlobStore::UploadStatus> BlobStore::QueryUpload(const std::string& sha256, uint64_t size) {
  if (!IsSha256Hex(sha256))
    return InvalidArgument("\"" + sha256 + "\" is not a SHA-256 in lower-case hex");
  if (Promise(sha256)) return UploadStatus{size, true};
  MutexLock lock(mutex_);
  const auto found = uploads_.find(UploadName(sha256, size));
  return UploadStatus{found == uploads_.end() ? 0 : found->second->synced, false};
}

Result<BlobStore::UploadStatus> BlobStore::WriteUpload(const std::string& sha256, uint64_t size,
                                                       uint64_t offset, std::string_view data) {
  if (!IsSha256Hex(sha256))
    return InvalidArgument("\"" + sha256 + "\" is not a SHA-256 in lower-case hex");
  if (data.size() > size || offset > size - data.size()) {
    return InvalidArgument(Format("blob %s: more bytes than the %llu announced", sha256.c_str(),
                                  (unsigned long long)size));
  }
  const std::string name = UploadName(sha256, size);
  while (true) {
    if (Promise(sha256)) return UploadStatus{size, true};
    const Use upload(this, name);
    MutexLock io(upload->io);
    // Another call has ended the upload while this one waited.
    if (upload->gone) continue;
    if (Promise(sha256)) {
      upload->gone = true;
      DropUpload(name);
      return UploadStatus{size, true};
    }
    BRAID_RETURN_IF_ERROR(Write(*upload, UploadPath(name), offset, data));
    if (upload->written < size) return UploadStatus{upload->written, false};
    const Status status = Complete(*upload, UploadPath(name), sha256);
    // The disk had no room for the blob's name: the bytes are kept, and the next call tries again.
    if (!status.ok() && PathExists(UploadPath(name))) return status;
    upload->gone = true;
    DropUpload(name);
    BRAID_RETURN_IF_ERROR(status);
    return UploadStatus{size, true};
  }
}

// The file is opened for each piece, so that thousands of idle uploads hold no descriptors. A
// write-back error between two pieces is reported by the fsync at the end. Only if nobody held the
// file open meanwhile may the kernel have forgotten it; then the digest finds it, which reads what
// is on the disk.
Status BlobStore::Write(Upload& upload, const std::string& path, uint64_t offset,
                        std::string_view data) {
  UniqueFd fd(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "looking at " + path);
  const auto there = static_cast<uint64_t>(info.st_size);
  uint64_t written = 0;
  {
    MutexLock lock(mutex_);
    // A file shorter than the recorded size was removed or cut by somebody else.
    upload.written = std::min(upload.written, there);
    upload.synced = std::min(upload.synced, there);
    written = upload.written;
  }
  if (offset > written) {
    return Status(StatusCode::kOutOfRange, ErrorReason::kOffsetMismatch,
                  Format("blob %s: a piece at %llu leaves a hole; go on from %llu",
                         std::string(BaseName(path)).substr(0, 64).c_str(),
                         (unsigned long long)offset, (unsigned long long)written));
  }
  data.remove_prefix(std::min<uint64_t>(written - offset, data.size()));
  if (lseek(fd.get(), static_cast<off_t>(written), SEEK_SET) < 0)
    return ErrnoStatus(errno, "seeking in " + path);
  BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), data, path));
  Hash(upload, written, data, std::move(fd));
  MutexLock lock(mutex_);
  upload.written = written + data.size();
  return OkStatus();
}

// `data` was written to `file` behind the first `written` bytes.
void BlobStore::Hash(Upload& upload, uint64_t written, std::string_view data, UniqueFd file) {
  if (upload.stream == nullptr && written == 0 && streams_ < kMostStreams)
    upload.stream = std::make_unique<Upload::Stream>(&streams_, std::move(file));
  if (upload.stream != nullptr && upload.stream->hashed != written) upload.stream.reset();
  if (upload.stream == nullptr) return;
  upload.stream->digest.Update(data);
  upload.stream->hashed += data.size();
}

// Verifies and publishes. A file that can never become right is removed, so that the next try
// starts from the beginning.
Status BlobStore::Complete(Upload& upload, const std::string& path, const std::string& sha256) {
  if (const Status synced = SyncFile(path); !synced.ok()) {
    (void)RemoveFile(path);
    return Unsynced(synced, "the upload of blob " + sha256);
  }
  std::string digest;
  if (upload.stream != nullptr && upload.stream->hashed == upload.written) {
    digest = upload.stream->digest.HexDigest();
  } else {
    BRAID_ASSIGN_OR_RETURN(digest, Sha256File(path));
  }
  upload.stream.reset();
  if (digest != sha256) {
    (void)RemoveFile(path);
    return WrongDigest("blob " + sha256, sha256, digest);
  }
  return Publish(path, sha256);
}

// Moves a complete and verified file to its final name. It becomes read-only, since hard links to
// it are handed out. If several calls bring the same blob, the first one publishes it, and the
// others wait until its name is durable. `file` remains only if the disk has no room for the name.
Status BlobStore::Publish(const std::string& file, const std::string& sha256) {
  const std::string final_path = PathOf(sha256);
  const std::string folder = FolderOf(final_path);
  if (const Status synced = SyncFile(file); !synced.ok()) {
    (void)RemoveFile(file);
    return Unsynced(synced, "what came of blob " + sha256);
  }
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  {
    MutexLock lock(mutex_);
    while (publishing_.contains(sha256)) changed_.Wait(mutex_);
    if (PathExists(final_path) && PromiseLocked(sha256)) return RemoveFile(file);
    publishing_.insert(sha256);
  }
  Status status = Rename(file, final_path);
  if (status.ok()) {
    // Cannot fail for the owner. A power failure may undo it, which does no harm.
    (void)chmod(final_path.c_str(), 0400);
    if (const Status synced = SyncFolder(folder); !synced.ok()) {
      (void)RemoveFile(final_path);
      status = Unsynced(synced, "blob " + sha256);
    }
  }
  const Result<uint64_t> size = FileSize(final_path);
  MutexLock lock(mutex_);
  publishing_.erase(sha256);
  if (status.ok() && size.ok() && remote_ != nullptr && !IsRemote(sha256)) Enqueue(sha256, *size);
  changed_.NotifyAll();
  return status;
}

// REQUIRES: the caller holds the upload's `io` and has set `gone`.
void BlobStore::DropUpload(const std::string& name) {
  (void)RemoveFile(UploadPath(name));
  MutexLock lock(mutex_);
  uploads_.erase(name);
}

void BlobStore::DropAbandonedUploads() {
  MutexLock lock(mutex_);
  DropOldUploads();
}

// Drops idle uploads that are too old, then the oldest ones until there is room for one more. They
// stay in the map if their file cannot be removed, so that they are tried again.
void BlobStore::DropOldUploads() {
  const int64_t oldest_ms = SystemClock().WallMs() - limits_.keep_upload_ms;
  std::vector<std::pair<int64_t, std::string>> idle;
  for (const auto& [name, upload] : uploads_) {
    if (upload->users == 0) idle.emplace_back(WrittenMs(UploadPath(name)), name);
  }
  std::sort(idle.begin(), idle.end());
  for (const auto& [written_ms, name] : idle) {
    if (written_ms > oldest_ms && uploads_.size() < limits_.most_uploads) return;
    if (!RemoveFile(UploadPath(name)).ok()) continue;
    uploads_.erase(name);
  }
}

Status BlobStore::SyncUpload(const std::string& sha256) {
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    for (auto it = uploads_.lower_bound(sha256);
         it != uploads_.end() && it->first.starts_with(sha256); ++it)
      names.push_back(it->first);
  }
  for (const std::string& name : names) {
    const Use upload(this, name);
    MutexLock io(upload->io);
    if (upload->gone || !PathExists(UploadPath(name))) continue;
    const uint64_t written = upload->written;
    // Whoever sent it has stopped for now, perhaps for long.
    upload->stream.reset();
    if (const Status synced = SyncFile(UploadPath(name)); !synced.ok()) {
      upload->gone = true;
      DropUpload(name);
      return Unsynced(synced, "the upload of blob " + sha256);
    }
    MutexLock lock(mutex_);
    upload->synced = written;
  }
  return OkStatus();
}

BlobStore::Turn::~Turn() {
  MutexLock lock(store_->mutex_);
  store_->turns_.erase(what_);
  store_->changed_.NotifyAll();
}

std::unique_ptr<BlobStore::Turn> BlobStore::TakeTurn(const std::string& what,
                                                     int64_t timeout_ms) const {
  const int64_t end_ms = SystemClock().MonotonicMs() + timeout_ms;
  MutexLock lock(mutex_);
  while (turns_.contains(what)) {
    const int64_t left_ms = end_ms - SystemClock().MonotonicMs();
    if (left_ms <= 0) return nullptr;
    (void)changed_.WaitFor(mutex_, left_ms);
  }
  turns_.insert(what);
  return std::unique_ptr<Turn>(new Turn(this, what));
}

Status BlobStore::AddFile(const std::string& path, const std::string& sha256) {
  if (Promise(sha256)) return OkStatus();
  return AddHashed(path, sha256).status();
}

Result<std::string> BlobStore::AddFile(const std::string& path) {
  return AddHashed(path, "");
}

// `sha256`: what the digest must be; empty: whatever it is.
Result<std::string> BlobStore::AddHashed(const std::string& path, const std::string& sha256) {
  // Publish moves the file that it is given, so it gets a link of its own (a copy on another file
  // system), and the caller's file keeps its name.
  const std::string copy = JoinPath(UploadsOf(folder_), "copy." + RandomUuid());
  Status status = LinkOrCopy(path, copy);
  std::string digest;
  if (status.ok()) {
    const auto hashed = Sha256File(copy);
    status = hashed.status();
    if (hashed.ok()) digest = *hashed;
  }
  if (status.ok() && !sha256.empty() && digest != sha256)
    status = WrongDigest(path, sha256, digest);
  if (status.ok() && Promise(digest)) {
    (void)RemoveFile(copy);
    return digest;
  }
  if (status.ok()) status = Publish(copy, digest);
  if (!status.ok()) {
    (void)RemoveFile(copy);
    return status;
  }
  return digest;
}

Result<std::string> BlobStore::AddBytes(std::string_view content) {
  const std::string digest = Sha256Hex(content);
  if (Promise(digest)) return digest;
  const std::string copy = JoinPath(UploadsOf(folder_), "copy." + RandomUuid());
  Status status = WriteFileAtomic(copy, content);
  if (status.ok()) status = Publish(copy, digest);
  if (!status.ok()) {
    (void)RemoveFile(copy);
    return status;
  }
  return digest;
}

Status BlobStore::Materialize(const Manifest& manifest, const std::string& folder) {
  Hold hold(this);  // what is fetched stays
  for (const ManifestFile& file : manifest.files) {
    hold.Add(file.sha256);
    if (!Has(file.sha256)) {
      return Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                    "blob " + file.sha256 + " (" + file.path + ") is not in " + folder_);
    }
  }
  if (PathExists(folder)) return OkStatus();
  for (const ManifestFile& file : manifest.files) BRAID_RETURN_IF_ERROR(Fetch(file.sha256));
  // Built under another name and renamed, so that no reader sees a part of the artifact.
  const std::string temporary = folder + ".tmp." + RandomUuid();
  Status status = MakeFolder(temporary);
  // The folders that receive names; each is synced once at the end.
  std::set<std::string> folders = {temporary};
  for (const ManifestFile& file : manifest.files) {
    if (!status.ok()) break;
    const std::string target = JoinPath(temporary, file.path);
    if (const std::string home = FolderOf(target); folders.insert(home).second)
      status = MakeFolder(home);
    if (status.ok()) status = LinkOrCopy(PathOf(file.sha256), target);
  }
  for (auto it = folders.rbegin(); it != folders.rend() && status.ok(); ++it)
    status = SyncFolder(*it);
  if (status.ok()) {
    status = Rename(temporary, folder);
    // Another thread was faster; its folder has the same content.
    if (!status.ok() && PathExists(folder)) status = OkStatus();
    if (status.ok()) status = SyncFolder(FolderOf(folder));
  }
  if (!status.ok() || PathExists(temporary)) (void)RemoveTree(temporary);
  return status;
}

Status BlobStore::Verify(const std::string& sha256) {
  if (!Has(sha256))
    return Status(StatusCode::kDataLoss, ErrorReason::kBlobMissing,
                  "blob " + sha256 + " is not in the store");
  const Result<std::string> digest = Sha256File(PathOf(sha256));
  if (!digest.ok() && !IsRemote(sha256)) return digest.status();
  const bool changed = digest.ok() && *digest != sha256;
  if (changed && IsRemote(sha256)) {
    Log(LogLevel::kError, "store",
        "blob " + sha256 + " has changed on disk; it is read from " + remote_->Name() +
            " from now on");
    BRAID_RETURN_IF_ERROR(RemoveFile(PathOf(sha256)));
  } else if (changed) {
    return Status(StatusCode::kDataLoss, ErrorReason::kDigestMismatch,
                  "blob " + sha256 + " has changed on disk (" + PathOf(sha256) +
                      "); remove it and send it again");
  }
  return IsRemote(sha256) ? VerifyRemote(sha256) : OkStatus();
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

Status BlobStore::Remove(const std::string& sha256) {
  return RemoveFile(PathOf(sha256));
}

}  // namespace braid::storage
