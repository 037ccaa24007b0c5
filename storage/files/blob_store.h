// Files named by their SHA-256, under one folder:
//
//   blobs/ab/abcdef...      complete, verified, read-only
//   uploads/<sha256>        an upload in progress: the bytes so far; only synced bytes count
//
// Publishing is: write, verify the digest, fsync, rename. Used by the coordinator (the store) and by workers (the
// cache). Safe for several threads; one process at a time per folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/sha256.h"
#include "base/status.h"
#include "storage/files/manifest.h"

namespace braid::storage {

class BlobStore {
 public:
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder);
  ~BlobStore();

  bool Has(const std::string& sha256) const;
  // Where the blob's bytes are. REQUIRES: Has(sha256).
  std::string PathOf(const std::string& sha256) const;
  Result<uint64_t> Size(const std::string& sha256) const;

  // How many bytes of this upload are safe on disk; `complete` if the blob is there. Survives a restart.
  struct UploadStatus {
    uint64_t committed = 0;
    bool complete = false;
  };
  Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size);
  // Writes a piece of the upload at `offset`, which must be at most what is there (kOutOfRange, OFFSET_MISMATCH);
  // bytes that are there already are skipped. When `size` bytes are there, verifies and publishes; a wrong digest drops
  // the upload (kInvalidArgument, DIGEST_MISMATCH). A full disk is kResourceExhausted, STORAGE_FULL, and loses nothing.
  Result<UploadStatus> WriteUpload(const std::string& sha256, uint64_t size, uint64_t offset, std::string_view data);
  // Makes what was written so far durable, so that QueryUpload counts it after a crash.
  Status SyncUpload(const std::string& sha256);

  // Takes a file of this machine in (hard link where possible), verifying its digest.
  Status AddFile(const std::string& path, const std::string& sha256);
  // Writes small content as a blob; returns its digest.
  Result<std::string> AddBytes(std::string_view content);

  // Lays an artifact out as a folder of hard links, after checking that every blob is there. The folder appears whole.
  Status Materialize(const Manifest& manifest, const std::string& folder) const;
  // Re-hashes a blob. kDataLoss, naming it, if its bytes have changed on disk.
  Status Verify(const std::string& sha256) const;
  // All complete blobs, sorted.
  Result<std::vector<std::string>> List() const;
  Status Remove(const std::string& sha256);

 private:
  explicit BlobStore(std::string folder);
  struct Upload;
  const std::string folder_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Upload>> uploads_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
