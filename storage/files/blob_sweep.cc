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
  const bool here = utimensat(AT_FDCWD, PathOf(sha256).c_str(), nullptr, 0) == 0;
  const bool there = remote_ != nullptr &&
                     utimensat(AT_FDCWD, EntryPath(sha256).c_str(), nullptr, 0) == 0;
  return here || there;
}

int64_t BlobStore::TouchedMs(const std::string& sha256) const {
  int64_t touched_ms = 0;
  struct stat info{};
  for (const std::string& path : {PathOf(sha256), EntryPath(sha256)}) {
    if (stat(path.c_str(), &info) == 0) touched_ms = std::max(touched_ms, ModifiedMs(info));
  }
  return touched_ms;
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
  bool here = false, there = false;
  {
    MutexLock lock(store_->mutex_);
    if (store_->pauses_ > 0 || store_->holds_.contains(sha256) ||
        store_->released_.contains(sha256) || store_->publishing_.contains(sha256) ||
        store_->copying_.contains(sha256) || store_->receiving_.contains(sha256) ||
        store_->TouchedMs(sha256) > before_ms)
      return false;
    here = PathExists(store_->PathOf(sha256));
    // What is not known here at all was listed by the second place.
    there = store_->remote_ != nullptr && (store_->IsRemote(sha256) || !here);
    if (!here && !there) return false;
    if (here) BRAID_RETURN_IF_ERROR(Rename(store_->PathOf(sha256), gone));
    if (there) BRAID_RETURN_IF_ERROR(RemoveFile(store_->EntryPath(sha256)));
    if (there) store_->deleting_.insert(sha256);
  }
  Status status = here ? RemoveFile(gone) : OkStatus();
  if (there) {
    const std::string notes = FolderOf(store_->EntryPath(sha256));
    if (PathExists(notes) && status.ok()) status = SyncFolder(notes);
    if (status.ok()) status = store_->remote_->Remove(sha256);
    MutexLock lock(store_->mutex_);
    store_->deleting_.erase(sha256);
    store_->changed_.NotifyAll();
  }
  BRAID_RETURN_IF_ERROR(status);
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

}  // namespace braid::storage
