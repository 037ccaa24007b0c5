// Copies blobs to the bucket, in threads of its own, so that nobody waits for the bucket who brings
// a blob: it counts as stored as soon as it is whole and durable on the coordinator's disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "storage/files/blob_store.h"
#include "storage/files/remote_store.h"

namespace braid::coordinator {

// What people are told of the bucket.
struct BucketState {
  std::string name;
  storage::BlobStore::Waiting waiting;  // to be copied
  std::string error;                    // why the last try failed; empty: it did not
};

// Thread-safe. Tries again without end, with growing pauses, and logs each new error once. It asks
// now and then whether the bucket is reached.
class BlobCopier {
 public:
  // `remote` is attached to `blobs`; both outlive it. Of what was copied, `cache_bytes` stay on the
  // disk.
  BlobCopier(storage::BlobStore* blobs, storage::RemoteStore* remote, uint64_t cache_bytes)
      : blobs_(blobs), remote_(remote), cache_bytes_(cache_bytes) {}
  ~BlobCopier() { Stop(); }
  BlobCopier(const BlobCopier&) = delete;
  BlobCopier& operator=(const BlobCopier&) = delete;

  void Start();
  // Returns when nothing is copied any more: within about a second if calls of `remote` end.
  void Stop();
  BucketState Look() const;

 private:
  // The bodies of the threads: one that looks after the cache and the bucket, and those that copy.
  void Tend();
  void Copy();
  bool Stopping() const;
  // Notes how a try went.
  void Note(const Status& status);
  // Waits, but not for longer than this runs.
  void Pause(int64_t ms);

  storage::BlobStore* const blobs_;
  storage::RemoteStore* const remote_;
  const uint64_t cache_bytes_;
  std::vector<std::thread> threads_;
  std::atomic<bool> grown_{true};  // the cache may be too large
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ BRAID_GUARDED_BY(mutex_) = false;
  StatusCode code_ BRAID_GUARDED_BY(mutex_) = StatusCode::kOk;  // of the last try
  std::string error_ BRAID_GUARDED_BY(mutex_);
  std::string damage_ BRAID_GUARDED_BY(mutex_);  // the last blob that has changed on the disk
};

}  // namespace braid::coordinator
