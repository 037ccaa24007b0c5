// Transfers of blobs (files named by their SHA-256) between the worker's cache and the coordinator.
// Ranks that need the same blob moved in the same direction share one transfer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/calls.h"

namespace braid::worker {

// Whether the coordinator refused to commit because it lacks a blob that it had reported as stored
// or that was sent to it (BLOB_MISSING). The sender then stores the blob and commits again, at most
// kMostLost times.
bool IsBlobLost(const Status& status);
inline constexpr int kMostLost = 10;
// The pause before that, in milliseconds, when blobs were lost `times` times: none the first time,
// at most a minute.
int64_t PauseAfterLossMs(int times);

// A part of the agent; callbacks run within Agent::Handle and may begin other transfers.
class BlobMoves {
 public:
  // Called once when the transfer has ended, within the Agent::Handle that ends it.
  using Then = std::function<void(const Status& status)>;

  explicit BlobMoves(Calls& calls) : calls_(calls) {}

  // Brings the blob, a file of `artifact`, into the cache and verifies it; `then` gets OK when it
  // is there. Bytes with another digest, or bytes that the disk lost in a failed fsync, are fetched
  // once more; after that the error is kDataLoss (DIGEST_MISMATCH, FSYNC_FAILED). A full disk of
  // this worker is kResourceExhausted (DISK_FULL).
  void Download(const CallOwner& owner, const DownloadBlob& blob, Then then);

  // Asks the coordinator which of the blobs it lacks and sends those, one after another; `then`
  // gets OK when it has all. Bytes that are wrong there (an upload torn by a crash), or lost by its
  // disk, are sent once more; after that the error is kInvalidArgument (DIGEST_MISMATCH) or
  // kDataLoss (FSYNC_FAILED). A blob that neither side has is kNotFound.
  void UploadMissing(const CallOwner& owner, const OutputName& output,
                     std::vector<std::string> sha256, Then then);
  // Sends these blobs of an output, which the coordinator lacks, in the same way.
  void Upload(const CallOwner& owner, const OutputName& output,
              const std::vector<std::string>& missing, Then then);

  // Removes `owner` from all transfers; its callbacks are not called any more. A transfer without
  // waiters is cancelled.
  void Leave(const CallOwner& owner);

  // Whether no transfer is under way.
  bool empty() const { return moves_.empty(); }

 private:
  // Up is to the coordinator, down is from it.
  enum class Way { kUp, kDown };
  using Key = std::pair<Way, std::string>;
  // One transfer and the callbacks that wait for it.
  struct Move {
    // Id in Calls.
    int64_t call = 0;
    std::vector<std::pair<CallOwner, Then>> waiters;
  };
  // Waits for the transfer `key`, which starts with `work` if it is not under way.
  void Join(const CallOwner& owner, const Key& key, Work work, Calls::Judge judge, Then then);
  // Shared by the steps of one upload.
  struct Uploads {
    OutputName output;
    std::vector<std::string> missing;
  };
  using SharedUploads = std::shared_ptr<const Uploads>;
  // Sends the blob `next`, then the ones behind it; `then` gets the first error, or OK after the
  // last one.
  void UploadNext(const CallOwner& owner, const SharedUploads& uploads, size_t next,
                  const Then& then);
  // The transfer has ended: calls the callbacks of all that wait for it.
  void OnMoved(const Key& key, const Status& status);

  Calls& calls_;
  std::map<Key, Move> moves_;
};

}  // namespace braid::worker
