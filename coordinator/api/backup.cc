#include "coordinator/api/backup.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/random.h"
#include "storage/files/manifest.h"

namespace braid::coordinator {
namespace {

// Pieces well below the limit of a message: 5,000 digests take some 400 KB.
constexpr uint64_t kCatalogPiece = uint64_t{1} << 20;
constexpr size_t kBlobsAtOnce = 5000;

}  // namespace

BackUpStream::BackUpStream(Backend* backend)
    : backend_(backend),
      pause_(backend->blobs),
      copy_(JoinPath(backend->scratch, "backup." + RandomUuid() + ".db")) {}

BackUpStream::~BackUpStream() {
  (void)RemoveFile(copy_);
}

// Blobs were paused before the copy was made, so what the copy names stays.
Status BackUpStream::Begin() {
  BRAID_RETURN_IF_ERROR(backend_->reader->CopyTo(copy_));
  fd_.Reset(open(copy_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_.valid()) return ErrnoStatus(errno, "opening " + copy_);
  BRAID_ASSIGN_OR_RETURN(size_, FileSize(copy_));
  std::map<std::string, uint64_t> needed;
  BRAID_RETURN_IF_ERROR(catalog::Reader(copy_).EachArtifact(
      [&](const catalog::ArtifactRecord& artifact, bool) -> Status {
        // What is bound to a site is there alone.
        if (artifact.removed_ms > 0 || artifact.bound) return OkStatus();
        BRAID_ASSIGN_OR_RETURN(
            const storage::Manifest manifest,
            storage::ParseManifest(artifact.manifest, "artifact " + artifact.id));
        for (const storage::ManifestFile& file : manifest.files) needed[file.sha256] = file.size;
        return OkStatus();
      }));
  blobs_.assign(needed.begin(), needed.end());
  return OkStatus();
}

Result<StreamState> BackUpStream::Next(BackUpPart* part) {
  *part = {};
  if (!fd_.valid()) BRAID_RETURN_IF_ERROR(Begin());
  if (offset_ < size_) {
    part->catalog.resize(std::min(kCatalogPiece, size_ - offset_));
    BRAID_RETURN_IF_ERROR(
        ReadAt(fd_.get(), offset_, part->catalog.data(), part->catalog.size(), copy_));
    offset_ += part->catalog.size();
    return StreamState::kPiece;
  }
  if (complete_) return StreamState::kNothingYet;
  const size_t end = std::min(sent_ + kBlobsAtOnce, blobs_.size());
  part->blobs.assign(blobs_.begin() + static_cast<std::ptrdiff_t>(sent_),
                     blobs_.begin() + static_cast<std::ptrdiff_t>(end));
  sent_ = end;
  complete_ = part->complete = sent_ == blobs_.size();
  return StreamState::kPiece;
}

}  // namespace braid::coordinator
