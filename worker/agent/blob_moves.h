// Blobs on their way between the worker's cache and the coordinator. Ranks that want the same blob
// moved wait for one move.
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

class BlobMoves {
 public:
  using Then = std::function<void(const Status& status)>;

  explicit BlobMoves(Calls& calls) : calls_(calls) {}

  // The blob is in the cache, verified, when `then` hears OK. What arrives with another digest, or
  // is not kept by the disk, is fetched once more; then it is kDataLoss (DIGEST_MISMATCH,
  // FSYNC_FAILED). A full disk of this worker is kResourceExhausted (DISK_FULL).
  void Download(const CallOwner& owner, const std::string& sha256, uint64_t size, Then then);
  // All of these blobs are with the coordinator when `then` hears OK: it is asked for those it
  // lacks, and they are sent one after another. Wrong bytes there (an upload torn by a crash), and
  // bytes that its disk has lost, are sent once more; then kInvalidArgument (DIGEST_MISMATCH) or
  // kDataLoss (FSYNC_FAILED). A blob that neither side has is kNotFound.
  void UploadMissing(const CallOwner& owner, std::vector<std::string> sha256, Then then);
  // This owner waits for nothing any more. A move that nobody waits for ends.
  void Leave(const CallOwner& owner);

  bool empty() const { return moves_.empty(); }

 private:
  enum class Way { kUp, kDown };
  using Key = std::pair<Way, std::string>;
  struct Move {
    int64_t call = 0;
    std::vector<std::pair<CallOwner, Then>> waiters;
  };
  void Join(const CallOwner& owner, const Key& key, Work work, Calls::Judge judge, Then then);
  using Digests = std::shared_ptr<const std::vector<std::string>>;
  void UploadNext(const CallOwner& owner, const Digests& missing, size_t next, const Then& then);
  void OnMoved(const Key& key, const Status& status);

  Calls& calls_;
  std::map<Key, Move> moves_;
};

}  // namespace braid::worker
