// Files named by their SHA-256, under one folder:
//
//   blobs/ab/abcdef...      complete, verified, read-only
//   uploads/<sha256>.<size> an upload in progress: the bytes so far; only synced bytes count
//
// Publishing is: write, fsync, verify the digest, rename, fsync of the folder. What a failed fsync
// leaves is removed: the kernel tells of lost bytes once, and a second fsync would succeed without
// them. Used by the coordinator (the store) and by workers (the cache). Safe for several threads;
// one process at a time per folder. For its user alone: folders 0700, files 0600 or 0400.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/sha256.h"
#include "base/status.h"
#include "storage/files/manifest.h"

namespace braid::storage {

class BlobStore {
 public:
  // Uploads that nobody goes on with are dropped: those that were not written to for so long, also
  // before a restart, and of more than so many the ones that were left alone the longest. None of
  // them holds a descriptor.
  struct Limits {
    int64_t keep_upload_ms = int64_t{72} * 3'600'000;
    size_t most_uploads = 1024;
  };
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder) {
    return Open(folder, Limits());
  }
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder, const Limits& limits);
  ~BlobStore();

  // Complete and durable.
  bool Has(const std::string& sha256) const;
  // Where the blob's bytes are. REQUIRES: Has(sha256).
  std::string PathOf(const std::string& sha256) const;
  Result<uint64_t> Size(const std::string& sha256) const;

  // How many bytes of this upload are safe on disk; `complete` if the blob is there. Survives a
  // restart.
  struct UploadStatus {
    uint64_t committed = 0;
    bool complete = false;
  };
  Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size);
  // Writes a piece of the upload at `offset`, which must be at most what is there (kOutOfRange,
  // OFFSET_MISMATCH); bytes that are there already are skipped. When `size` bytes are there,
  // verifies and publishes; a wrong digest drops the upload (kInvalidArgument, DIGEST_MISMATCH),
  // and so does a failed fsync (kDataLoss, FSYNC_FAILED). Who names another size has an upload of
  // its own. Several may send one blob: the first to be complete publishes it, and all are told so.
  // A full disk is kResourceExhausted, STORAGE_FULL, and loses nothing.
  Result<UploadStatus> WriteUpload(const std::string& sha256, uint64_t size, uint64_t offset,
                                   std::string_view data);
  // Makes what was written so far durable, so that QueryUpload counts it. kDataLoss (FSYNC_FAILED):
  // it is removed, from byte 0.
  Status SyncUpload(const std::string& sha256);
  // Drops the uploads that are too old. For now and then; opening the folder and new uploads do it
  // as well.
  void DropAbandonedUploads();

  // Of several threads that want to move one blob, one does while the others wait. The turn ends
  // with the object.
  class Turn {
   public:
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    friend class BlobStore;
    Turn(const BlobStore* store, std::string what) : store_(store), what_(std::move(what)) {}
    const BlobStore* const store_;
    const std::string what_;
  };
  // Null if somebody else still has the turn after `timeout_ms`. `what` is free to choose.
  std::unique_ptr<Turn> TakeTurn(const std::string& what, int64_t timeout_ms) const;

  // Takes a file of this machine in (hard link where possible), verifying its digest.
  Status AddFile(const std::string& path, const std::string& sha256);
  // Writes small content as a blob; returns its digest.
  Result<std::string> AddBytes(std::string_view content);

  // Lays an artifact out as a folder of hard links, after checking that every blob is there. The
  // folder appears whole.
  Status Materialize(const Manifest& manifest, const std::string& folder) const;
  // Re-hashes a blob. kDataLoss, naming it, if its bytes have changed on disk.
  Status Verify(const std::string& sha256) const;
  // All complete blobs, sorted.
  Result<std::vector<std::string>> List() const;
  Status Remove(const std::string& sha256);

 private:
  BlobStore(std::string folder, const Limits& limits);
  struct Upload;
  class Use;
  std::string UploadPath(const std::string& name) const;
  void LoadUpload(const std::string& name);
  void DropOldUploads() BRAID_REQUIRES(mutex_);
  void DropUpload(const std::string& name);
  Status Write(Upload& upload, const std::string& path, uint64_t offset, std::string_view data);
  Status Complete(const std::string& path, const std::string& sha256);
  Status Publish(const std::string& file, const std::string& sha256);

  const std::string folder_;
  const Limits limits_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::map<std::string, std::shared_ptr<Upload>> uploads_ BRAID_GUARDED_BY(mutex_);  // by the name
                                                                                     // of its file
  std::set<std::string> publishing_ BRAID_GUARDED_BY(mutex_);
  mutable std::set<std::string> turns_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
