// Blobs that others put into the second place of a BlobStore themselves. As with a copy, the note
// that a blob is there is written after the place has confirmed it.
#include "storage/files/blob_store.h"

namespace braid::storage {
namespace {

constexpr int64_t kTurnMs = 500;

std::string TurnOf(const std::string& sha256) {
  return "direct " + sha256;
}

Status Busy(const std::string& sha256) {
  return Status(StatusCode::kAborted,
                "blob " + sha256 + " is being verified in the bucket, or deleted there");
}

}  // namespace

Result<DirectUpload> BlobStore::BeginDirect(const std::string& sha256, uint64_t size) {
  if (remote_ == nullptr) return DirectUpload();
  const auto turn = TakeTurn(TurnOf(sha256), kTurnMs);
  return turn == nullptr ? Busy(sha256) : remote_->BeginDirect(sha256, size);
}

Result<std::vector<SignedPut>> BlobStore::SignDirect(const std::string& sha256, uint64_t size,
                                                     const std::vector<BlobPart>& parts) {
  if (remote_ == nullptr) return FailedPrecondition("there is no bucket");
  const auto turn = TakeTurn(TurnOf(sha256), kTurnMs);
  return turn == nullptr ? Busy(sha256) : remote_->SignDirect(sha256, size, parts);
}

Result<bool> BlobStore::EndDirect(const std::string& sha256, uint64_t size) {
  if (remote_ == nullptr) return FailedPrecondition("there is no bucket");
  const auto turn = TakeTurn(TurnOf(sha256), kTurnMs);
  if (turn == nullptr) return Busy(sha256);
  {
    MutexLock lock(mutex_);
    if (deleting_.contains(sha256)) return Busy(sha256);
    receiving_.insert(sha256);
  }
  Status status;
  bool came = false;
  // The blob may have come to the folder in the meantime, through the coordinator. Then it is
  // copied to the bucket from there, after this upload has ended.
  if (!Promise(sha256)) {
    status = remote_->EndDirect(sha256, size);
    if (status.ok()) status = WriteEntry(sha256, size);
    came = status.ok();
  }
  MutexLock lock(mutex_);
  receiving_.erase(sha256);
  changed_.NotifyAll();
  BRAID_RETURN_IF_ERROR(status);
  return came;
}

}  // namespace braid::storage
