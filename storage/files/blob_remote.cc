// The second place of a BlobStore (BlobStore::Attach).
//
// The note that a blob is there is written after the bytes are, and removed before they are
// deleted: a crash in between leaves an object without a note, which is put there again or found
// and deleted by a sweep, and never a note without an object.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/files/blob_store.h"
#include "storage/files/file_time.h"

namespace braid::storage {
namespace {

// Read at once from the second place: large enough that the way there and back does not count, and
// small enough for the memory of many readers.
constexpr uint64_t kRemotePiece = uint64_t{4} << 20;
constexpr char kRemote[] = "remote";

std::string RemoteFolderOf(const std::string& folder) {
  return JoinPath(folder, kRemote);
}

std::string NameFile(const std::string& folder) {
  return JoinPath(RemoteFolderOf(folder), "name");
}

}  // namespace

std::string BlobStore::EntryPath(const std::string& sha256) const {
  return JoinPath(JoinPath(RemoteFolderOf(folder_), sha256.substr(0, 2)), sha256);
}

bool BlobStore::IsRemote(const std::string& sha256) const {
  return remote_ != nullptr && PathExists(EntryPath(sha256));
}

Result<std::string> BlobStore::RemoteNameOf(const std::string& folder) {
  if (!PathExists(NameFile(folder))) return std::string();
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(NameFile(folder), 4096));
  return std::string(Trim(text));
}

Status BlobStore::Attach(RemoteStore* remote, const std::string& owner) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(RemoteFolderOf(folder_)));
  BRAID_ASSIGN_OR_RETURN(const std::string name, RemoteNameOf(folder_));
  if (!name.empty() && name != remote->Name())
    return FailedPrecondition("the blobs of " + folder_ + " are in " + name + ", not in " +
                              remote->Name() +
                              ": name that one, or copy its objects to the other, remove " +
                              NameFile(folder_) + ", and start again");
  remote_ = remote;
  // A word that no copy of this folder's catalog has: of two coordinators with one bucket, each
  // would delete what the other needs.
  const std::string claim_path = JoinPath(RemoteFolderOf(folder_), "claim");
  if (!PathExists(claim_path))
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(claim_path, owner + " " + RandomUuid()));
  BRAID_ASSIGN_OR_RETURN(const std::string claim, ReadFile(claim_path, 4096));
  remote->Expect(claim);
  if (name.empty()) {
    BRAID_RETURN_IF_ERROR(remote->Claim(claim));
    BRAID_RETURN_IF_ERROR(Adopt());
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(NameFile(folder_), remote->Name() + "\n"));
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> here, List());
  MutexLock lock(mutex_);
  for (const std::string& sha256 : here) {
    const Result<uint64_t> size = FileSize(PathOf(sha256));
    if (size.ok() && !IsRemote(sha256)) Enqueue(sha256, *size);
  }
  return OkStatus();
}

Status BlobStore::Adopt() {
  BRAID_ASSIGN_OR_RETURN(const std::vector<RemoteBlob> blobs, remote_->List());
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> notes, ListTree(RemoteFolderOf(folder_)));
  for (const std::string& note : notes) {
    if (const std::string sha256(BaseName(note)); IsSha256Hex(sha256))
      BRAID_RETURN_IF_ERROR(DropEntry(sha256));
  }
  for (const RemoteBlob& blob : blobs) BRAID_RETURN_IF_ERROR(WriteEntry(blob.sha256, blob.size));
  if (!blobs.empty())
    Log(LogLevel::kInfo, "store",
        remote_->Name() + " has " + std::to_string(blobs.size()) + " blobs already");
  return OkStatus();
}

Status BlobStore::WriteEntry(const std::string& sha256, uint64_t size) {
  const std::string path = EntryPath(sha256);
  BRAID_RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
  return WriteFileAtomic(path, std::to_string(size) + "\n");
}

Status BlobStore::DropEntry(const std::string& sha256) {
  const std::string path = EntryPath(sha256);
  if (!PathExists(path)) return OkStatus();
  BRAID_RETURN_IF_ERROR(RemoveFile(path));
  return SyncFolder(FolderOf(path));
}

void BlobStore::Enqueue(const std::string& sha256, uint64_t size) {
  damaged_.erase(sha256);
  waiting_.emplace_back(sha256, size);
  changed_.NotifyAll();
}

BlobStore::Waiting BlobStore::NotCopied() const {
  Waiting all;
  MutexLock lock(mutex_);
  for (const auto& [sha256, size] : waiting_) all.bytes += size;
  for (const auto& [sha256, size] : copying_) all.bytes += size;
  for (const auto& [sha256, size] : damaged_) all.bytes += size;
  all.blobs = static_cast<int64_t>(waiting_.size() + copying_.size() + damaged_.size());
  return all;
}

bool BlobStore::TakeWaiting(std::pair<std::string, uint64_t>* next) {
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (deleting_.contains(it->first) || copying_.contains(it->first) ||
        receiving_.contains(it->first))
      continue;
    *next = *it;
    copying_.insert(*it);
    waiting_.erase(it);
    return true;
  }
  return false;
}

Status BlobStore::TidyRemote() {
  return remote_ == nullptr ? OkStatus() : remote_->DropAbandoned();
}

Result<bool> BlobStore::CopyNext(int64_t timeout_ms) {
  std::pair<std::string, uint64_t> next;
  {
    MutexLock lock(mutex_);
    if (!TakeWaiting(&next)) {
      (void)changed_.WaitFor(mutex_, timeout_ms);
      if (!TakeWaiting(&next)) return false;
    }
  }
  const Status status = CopyOut(next.first);
  MutexLock lock(mutex_);
  copying_.erase(next.first);
  if (status.ok()) return true;
  if (status.code() == StatusCode::kDataLoss)
    damaged_.insert(next);
  else
    Enqueue(next.first, next.second);
  return status;
}

// A sweep leaves the blob alone meanwhile.
Status BlobStore::CopyOut(const std::string& sha256) {
  if (IsRemote(sha256)) return OkStatus();
  const Result<uint64_t> size = FileSize(PathOf(sha256));
  if (!size.ok()) return PathExists(PathOf(sha256)) ? size.status() : OkStatus();  // deleted before
  BRAID_RETURN_IF_ERROR(remote_->Put(sha256, PathOf(sha256)));
  return WriteEntry(sha256, *size);
}

void BlobStore::Forget(const std::string& sha256, const std::string& why) {
  const Result<uint64_t> size = FileSize(PathOf(sha256));
  MutexLock lock(mutex_);
  if (!IsRemote(sha256)) return;
  (void)DropEntry(sha256);
  if (size.ok()) Enqueue(sha256, *size);
  Log(LogLevel::kError, "store",
      "blob " + sha256 + " " + why + " in " + remote_->Name() +
          (size.ok() ? "; it is put there again from this disk" : "; send it again"));
}

Status BlobStore::Shrink(uint64_t most_bytes) {
  if (remote_ == nullptr) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> here, List());
  std::vector<std::pair<int64_t, std::string>> copied;
  uint64_t bytes = 0;
  for (const std::string& sha256 : here) {
    const Result<uint64_t> size = FileSize(PathOf(sha256));
    if (!size.ok() || !IsRemote(sha256)) continue;
    bytes += *size;
    copied.emplace_back(TouchedMs(sha256), sha256);
  }
  std::sort(copied.begin(), copied.end());
  for (const auto& [touched_ms, sha256] : copied) {
    if (bytes <= most_bytes) return OkStatus();
    // As a sweep does: deleting a large file takes long.
    const std::string gone = JoinPath(JoinPath(folder_, "uploads"), "gone." + RandomUuid());
    {
      MutexLock lock(mutex_);
      const Result<uint64_t> size = FileSize(PathOf(sha256));
      if (!size.ok() || holds_.contains(sha256) || !IsRemote(sha256)) continue;
      BRAID_RETURN_IF_ERROR(Rename(PathOf(sha256), gone));
      bytes -= std::min(bytes, *size);
    }
    BRAID_RETURN_IF_ERROR(RemoveFile(gone));
  }
  return OkStatus();
}

Result<std::string> BlobStore::UrlOf(const std::string& sha256) const {
  return IsRemote(sha256) ? remote_->UrlOf(sha256) : std::string();
}

Result<std::unique_ptr<BlobStore::Reader>> BlobStore::OpenBlob(const std::string& sha256) {
  std::unique_ptr<Reader> reader(new Reader(this, sha256));
  // The size first: what is trimmed in between is then read from the second place.
  BRAID_ASSIGN_OR_RETURN(reader->size_, Size(sha256));
  reader->fd_.Reset(open(PathOf(sha256).c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  // What is read is the last to leave the folder.
  if (reader->fd_.valid() && remote_ != nullptr)
    (void)utimensat(AT_FDCWD, PathOf(sha256).c_str(), nullptr, 0);
  if (!reader->fd_.valid() && !IsRemote(sha256))
    return ErrnoStatus(error, "opening " + PathOf(sha256));
  return reader;
}

Result<std::string> BlobStore::Reader::Read(uint64_t offset, uint64_t bytes) {
  std::string piece(bytes, '\0');
  if (fd_.valid()) {
    BRAID_RETURN_IF_ERROR(
        ReadAt(fd_.get(), offset, piece.data(), piece.size(), store_->PathOf(sha256_)));
    return piece;
  }
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t at = offset + done;
    if (at < begin_ || at >= begin_ + buffer_.size()) {
      Result<std::string> next = store_->remote_->Read(sha256_, at,
                                                       std::min(kRemotePiece, size_ - at));
      if (next.status().Is(ErrorReason::kBlobMissing)) store_->Forget(sha256_, "is gone");
      BRAID_RETURN_IF_ERROR(next.status());
      buffer_ = *std::move(next);
      begin_ = at;
    }
    const uint64_t now = std::min(bytes - done, begin_ + buffer_.size() - at);
    piece.replace(done, now, buffer_, at - begin_, now);
    done += now;
  }
  return piece;
}

Status BlobStore::Fetch(const std::string& sha256) {
  if (remote_ == nullptr || PathExists(PathOf(sha256))) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const auto reader, OpenBlob(sha256));
  const std::string copy = JoinPath(JoinPath(folder_, "uploads"), "copy." + RandomUuid());
  const auto write = [&]() -> Status {
    const UniqueFd fd(open(copy.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_EXCL, 0600));
    if (!fd.valid()) return ErrnoStatus(errno, "creating " + copy);
    Sha256 digest;
    for (uint64_t offset = 0; offset < reader->size();) {
      const uint64_t bytes = std::min(kRemotePiece, reader->size() - offset);
      BRAID_ASSIGN_OR_RETURN(const std::string piece, reader->Read(offset, bytes));
      digest.Update(piece);
      BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), piece, copy));
      offset += bytes;
    }
    if (digest.HexDigest() == sha256) return OkStatus();
    return Status(StatusCode::kDataLoss, ErrorReason::kDigestMismatch,
                  "blob " + sha256 + " has changed in " + remote_->Name());
  };
  Status status = write();
  if (status.ok()) status = Publish(copy, sha256);
  if (!status.ok()) (void)RemoveFile(copy);
  return status;
}

// Once more if the digest is wrong: a connection without TLS may have changed it.
Status BlobStore::VerifyRemote(const std::string& sha256) {
  BRAID_ASSIGN_OR_RETURN(const uint64_t size, Size(sha256));
  for (int tried = 0; tried < 2; ++tried) {
    Sha256 digest;
    Status status;
    for (uint64_t offset = 0; offset < size && status.ok(); offset += kRemotePiece) {
      const Result<std::string> piece = remote_->Read(sha256, offset,
                                                      std::min(kRemotePiece, size - offset));
      status = piece.status();
      if (piece.ok()) digest.Update(*piece);
    }
    if (status.Is(ErrorReason::kBlobMissing)) {
      Forget(sha256, "is gone");
      return Status(StatusCode::kDataLoss, ErrorReason::kBlobMissing, status.message());
    }
    if (status.code() != StatusCode::kDataLoss) BRAID_RETURN_IF_ERROR(status);
    if (status.ok() && digest.HexDigest() == sha256) return OkStatus();
  }
  const bool here = PathExists(PathOf(sha256));
  // Gone first, so that nobody takes it for what is put there again.
  BRAID_RETURN_IF_ERROR(remote_->Remove(sha256));
  Forget(sha256, "has changed");
  return Status(
      StatusCode::kDataLoss, ErrorReason::kDigestMismatch,
      "blob " + sha256 + " has changed in " + remote_->Name() +
          (here ? "; it is put there again from the coordinator's disk" : "; send it again"));
}

Result<std::vector<BlobStore::Stored>> BlobStore::ListStored() {
  const int64_t now_ms = SystemClock().WallMs();
  std::unordered_map<std::string, Stored> all;
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> here, List());
  for (const std::string& sha256 : here) {
    const Result<uint64_t> size = FileSize(PathOf(sha256));
    if (size.ok()) all[sha256] = {sha256, *size, TouchedMs(sha256)};
  }
  std::set<std::string> lost;
  if (remote_ != nullptr) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> entries,
                           ListTree(RemoteFolderOf(folder_)));
    for (const std::string& path : entries) {
      const std::string sha256(BaseName(path));
      // What came while the bucket was asked is not in its list.
      if (IsSha256Hex(sha256) && TouchedMs(sha256) <= now_ms) lost.insert(sha256);
    }
    const Result<std::vector<RemoteBlob>> there = remote_->List();
    if (!there.ok()) {
      Log(LogLevel::kError, "store", there.status().message());
      lost.clear();
    }
    for (const RemoteBlob& blob : there.ok() ? *there : std::vector<RemoteBlob>()) {
      lost.erase(blob.sha256);
      const int64_t touched_ms = TouchedMs(blob.sha256);
      all[blob.sha256] = {blob.sha256, blob.size, touched_ms > 0 ? touched_ms : blob.written_ms};
    }
  }
  for (const std::string& sha256 : lost) {
    // A list may be late; whoever reads the object knows.
    if (remote_->Read(sha256, 0, 1).status().Is(ErrorReason::kBlobMissing))
      Forget(sha256, "is gone");
  }
  std::vector<Stored> stored;
  stored.reserve(all.size());
  for (auto& [sha256, blob] : all) stored.push_back(std::move(blob));
  return stored;
}

}  // namespace braid::storage
