// A backup of the catalog, as a stream (Keeping.BackUp).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "coordinator/api/streams.h"
#include "storage/files/blob_store.h"

namespace braid::coordinator {

// A part of the file of the catalog, or some of the blobs that its artifacts need.
struct BackUpPart {
  std::string catalog;
  std::vector<std::pair<std::string, uint64_t>> blobs;  // digests and sizes
  bool complete = false;                                // all was sent
};

// Copies the catalog at its first step, sends the copy and then the blobs that are needed, and
// stays open: as long as it lives, no blob is deleted.
class BackUpStream final : public Stream<BackUpPart> {
 public:
  // Nothing is copied yet: that happens in the first Next. `backend` outlives the stream.
  explicit BackUpStream(Backend* backend);
  ~BackUpStream() override;
  Status Look(const State&) override { return OkStatus(); }
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake) override {
    return {};
  }
  // A piece of the copy's bytes until it is sent, then the blobs, some thousand at a time, the last
  // with `complete`; kNothingYet from then on, as the stream stays open. kResourceExhausted
  // (STORAGE_FULL) if the copy does not fit.
  Result<StreamState> Next(BackUpPart* part) override;

 private:
  // Makes the copy, opens it, and reads from it which blobs are needed.
  Status Begin();

  Backend* const backend_;
  // While it lives, the store deletes nothing.
  const storage::BlobStore::Pause pause_;
  const std::string copy_;  // in the folder for short-lived files
  UniqueFd fd_;
  // Of the copy, and how much of it was sent, in bytes.
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  // Digests and sizes of the needed blobs, of which the first `sent_` were sent.
  std::vector<std::pair<std::string, uint64_t>> blobs_;
  size_t sent_ = 0;
  bool complete_ = false;
};

}  // namespace braid::coordinator
