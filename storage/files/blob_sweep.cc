// Deleting blobs that nothing needs (BlobStore::Sweep), and what keeps it from those that somebody
// is about to need.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "storage/files/blob_store.h"
#include "storage/files/file_time.h"

namespace braid::storage {

bool BlobStore::Promise(const std::string& sha256) {
  if (!IsSha256Hex(sha256)) return false;
  MutexLock lock(mutex_);
  return !publishing_.contains(sha256) && PromiseLocked(sha256);
}

// The time is kept by the file itself: it survives a restart, and costs no memory.
bool BlobStore::PromiseLocked(const std::string& sha256) {
  return utimensat(AT_FDCWD, PathOf(sha256).c_str(), nullptr, 0) == 0;
}

BlobStore::Hold::~Hold() {
  MutexLock lock(store_->mutex_);
  for (const std::string& sha256 : held_) {
    const auto it = store_->holds_.find(sha256);
    if (--it->second == 0) store_->holds_.erase(it);
    if (store_->sweeping_) store_->released_.insert(sha256);
  }
}

void BlobStore::Hold::Add(const std::string& sha256) {
  held_.push_back(sha256);
  MutexLock lock(store_->mutex_);
  ++store_->holds_[sha256];
}

BlobStore::Sweep::Sweep(BlobStore* store) : store_(store) {
  MutexLock lock(store_->mutex_);
  store_->sweeping_ = true;
  store_->released_.clear();
}

BlobStore::Sweep::~Sweep() {
  MutexLock lock(store_->mutex_);
  store_->sweeping_ = false;
  store_->released_.clear();
}

Result<bool> BlobStore::Sweep::Remove(const std::string& sha256, int64_t before_ms) {
  // Moved away under the lock, which is quick, and deleted without it, which takes a large file
  // long. If the process ends in between, Open deletes the file: the name is none of an upload.
  const std::string gone = JoinPath(JoinPath(store_->folder_, "uploads"), "gone." + RandomUuid());
  {
    MutexLock lock(store_->mutex_);
    if (store_->pauses_ > 0 || store_->holds_.contains(sha256) ||
        store_->released_.contains(sha256) || store_->publishing_.contains(sha256))
      return false;
    const std::string path = store_->PathOf(sha256);
    struct stat info{};
    if (stat(path.c_str(), &info) != 0 || ModifiedMs(info) > before_ms) return false;
    BRAID_RETURN_IF_ERROR(Rename(path, gone));
  }
  BRAID_RETURN_IF_ERROR(RemoveFile(gone));
  return true;
}

BlobStore::Pause::Pause(BlobStore* store) : store_(store) {
  MutexLock lock(store_->mutex_);
  ++store_->pauses_;
}

BlobStore::Pause::~Pause() {
  MutexLock lock(store_->mutex_);
  --store_->pauses_;
}

Result<std::vector<BlobStore::Stored>> BlobStore::ListStored() const {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> digests, List());
  std::vector<Stored> stored;
  stored.reserve(digests.size());
  for (const std::string& sha256 : digests) {
    struct stat info{};
    if (stat(PathOf(sha256).c_str(), &info) != 0) continue;
    stored.push_back({sha256, static_cast<uint64_t>(info.st_size), ModifiedMs(info)});
  }
  return stored;
}

}  // namespace braid::storage
