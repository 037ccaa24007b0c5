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

// Returns those of the blobs that the store does not have. The others are promised
// (BlobStore::Promise), so that they are not deleted for a while. kInvalidArgument for more than
// 100,000.
Result<std::vector<std::string>> MissingBlobs(const std::vector<std::string>& sha256,
                                              storage::BlobStore* blobs);

using UploadStatus = storage::BlobStore::UploadStatus;
// How much of an upload is safe on disk.
Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size,
                                 storage::BlobStore* blobs);

// One call that uploads a blob or a part of one. Call Begin, then Take for each piece, then End,
// also if the client has disconnected.
class Upload {
 public:
  // `blobs` outlives it.
  explicit Upload(storage::BlobStore* blobs) : blobs_(blobs) {}

  // `size` is that of the whole blob, `offset` where the first piece goes, in bytes. kOutOfRange
  // (OFFSET_MISMATCH) if less than `offset` is there; kInvalidArgument for a digest or a size that
  // cannot be.
  Status Begin(const std::string& sha256, uint64_t size, uint64_t offset);
  // Whether the whole blob is stored, so that nothing need be sent.
  bool complete() const { return complete_; }
  // Whether a next piece of `bytes` bytes would be the last one. Taking it hashes the whole blob,
  // which takes long if it is large.
  bool CompletesWith(size_t bytes) const { return offset_ + bytes >= size_; }
  // Writes the next piece. Bytes that are stored already are skipped. With the last piece the
  // digest is checked: kInvalidArgument (DIGEST_MISMATCH) drops the whole upload. REQUIRES: Begin
  // was OK and the upload is not complete.
  Status Take(std::string_view data);
  // Makes the received bytes durable, so that they need not be sent again, and returns their
  // number.
  Result<UploadStatus> End();

 private:
  storage::BlobStore* const blobs_;
  std::string sha256_;  // empty: not begun
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  bool complete_ = false;
};

}  // namespace braid::coordinator
