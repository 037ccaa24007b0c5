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
  explicit BackUpStream(Backend* backend);
  ~BackUpStream() override;
  Status Look(const State&) override { return OkStatus(); }
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake) override {
    return {};
  }
  Result<StreamState> Next(BackUpPart* part) override;

 private:
  Status Begin();

  Backend* const backend_;
  const storage::BlobStore::Pause pause_;
  const std::string copy_;  // in the folder for short-lived files
  UniqueFd fd_;
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  std::vector<std::pair<std::string, uint64_t>> blobs_;
  size_t sent_ = 0;
  bool complete_ = false;
};

}  // namespace braid::coordinator
