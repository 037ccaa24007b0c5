#include "coordinator/api/uploads.h"

#include "base/sha256.h"

namespace braid::coordinator {
namespace {

// As many files as a manifest may have (storage/files/manifest.h).
constexpr size_t kMaxDigests = 100'000;

}  // namespace

Status CheckDigest(const std::string& sha256) {
  if (IsSha256Hex(sha256)) return OkStatus();
  return InvalidArgument("\"" + sha256.substr(0, 80) +
                         "\" is not a SHA-256 (64 lower-case hex digits)");
}

Result<std::vector<std::string>> MissingBlobs(const std::vector<std::string>& sha256,
                                              storage::BlobStore* blobs) {
  if (sha256.size() > kMaxDigests) return InvalidArgument("too many digests in one request");
  std::vector<std::string> missing;
  for (const std::string& digest : sha256) {
    BRAID_RETURN_IF_ERROR(CheckDigest(digest));
    if (!blobs->Promise(digest)) missing.push_back(digest);
  }
  return missing;
}

Result<UploadStatus> QueryUpload(const std::string& sha256, uint64_t size,
                                 storage::BlobStore* blobs) {
  BRAID_RETURN_IF_ERROR(CheckDigest(sha256));
  return blobs->QueryUpload(sha256, size);
}

Status Upload::Begin(const std::string& sha256, uint64_t size, uint64_t offset) {
  BRAID_RETURN_IF_ERROR(CheckDigest(sha256));
  sha256_ = sha256;
  size_ = size;
  offset_ = offset;
  complete_ = blobs_->Promise(sha256_);
  return OkStatus();
}

Status Upload::Take(std::string_view data) {
  BRAID_ASSIGN_OR_RETURN(const UploadStatus written,
                         blobs_->WriteUpload(sha256_, size_, offset_, data));
  offset_ += data.size();
  complete_ = written.complete;
  return OkStatus();
}

Result<UploadStatus> Upload::End() {
  if (sha256_.empty()) return InvalidArgument("the first message of an upload names the blob");
  if (!complete_) BRAID_RETURN_IF_ERROR(blobs_->SyncUpload(sha256_));
  return blobs_->QueryUpload(sha256_, size_);
}

}  // namespace braid::coordinator
