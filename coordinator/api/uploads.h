// Uploads of blobs, a piece at a time. For threads that may work with files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "storage/files/blob_store.h"

namespace braid::coordinator {

// kInvalidArgument unless it is a SHA-256 as 64 lower-case hex digits.
Status CheckDigest(const std::string& sha256);

// Those that the store does not have. The others are promised: they stay for a while. At most
// 100,000 at a time.
Result<std::vector<std::string>> MissingBlobs(const std::vector<std::string>& sha256,
                                              storage::BlobStore* blobs);

using UploadStatus = storage::BlobStore::UploadStatus;
// How much of an upload is safe on disk.
Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size,
                                 storage::BlobStore* blobs);

// One upload, or a part of one that goes on another time. Begin, then Take piece after piece, then
// End, which is due also when the client is gone.
class Upload {
 public:
  // `blobs` outlives it.
  explicit Upload(storage::BlobStore* blobs) : blobs_(blobs) {}

  // `size` is that of the whole blob, `offset` where the first piece goes, in bytes. kOutOfRange
  // (OFFSET_MISMATCH) if less than `offset` is there; kInvalidArgument for a digest or a size that
  // cannot be.
  Status Begin(const std::string& sha256, uint64_t size, uint64_t offset);
  // The whole blob is stored: there is nothing to send.
  bool complete() const { return complete_; }
  // The next piece would be the last: with it the blob is hashed, which takes long if it is large.
  bool CompletesWith(size_t bytes) const { return offset_ + bytes >= size_; }
  // REQUIRES: Begin was OK and the upload is not complete. The next piece. Bytes that are there
  // already are skipped. With the last one, kInvalidArgument (DIGEST_MISMATCH) if the whole is not
  // what its digest says; then all of it is dropped.
  Status Take(std::string_view data);
  // Makes what came so far durable, so that it need not be sent again; says how much that is.
  Result<UploadStatus> End();

 private:
  storage::BlobStore* const blobs_;
  std::string sha256_;  // empty: not begun
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  bool complete_ = false;
};

}  // namespace braid::coordinator
