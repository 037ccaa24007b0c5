// Uploads that workers make straight into the coordinator's bucket, by URLs that it signs: so their
// bytes need not pass through it. Nothing that a worker says of them is believed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "storage/files/blob_store.h"

namespace braid::coordinator {

// What a worker asks of such an upload.
struct DirectAsked {
  std::string sha256;
  uint64_t size = 0;
  std::string worker;
  std::vector<storage::BlobPart> parts;  // that it is about to put there
  bool end = false;                      // all of them are there
};

// What the coordinator answers: what the worker is to do next.
struct DirectStep {
  bool complete = false;  // the blob is stored
  bool ended = false;     // by this call
  // Without parts, it is to be sent through the coordinator.
  storage::DirectUpload upload;
  std::vector<storage::SignedPut> puts;  // one for each part
};

// Who sends which blob, and whether any are sent so. Kept in memory: after a restart, at worst two
// send the same. Thread-safe.
class DirectUploads {
 public:
  // Smaller blobs go through the coordinator: asking takes longer than sending them. Workers know
  // it (kLeastDirect), and do not ask.
  static constexpr uint64_t kLeastBytes = uint64_t{1} << 20;
  // The most parts of one call.
  static constexpr size_t kMostParts = 16;
  // How long a worker that says nothing counts as the one that sends a blob.
  static constexpr int64_t kSilentMs = 5 * 60'000;
  // How long no upload begins after the bucket has failed.
  static constexpr int64_t kClosedMs = 60'000;
  // So many ends of one upload may fail until it goes through the coordinator.
  static constexpr int kMostFailedEnds = 3;

  // `clock` outlives it.
  explicit DirectUploads(const Clock* clock) : clock_(clock) {}

  // One step of an upload. May ask the bucket; the end of an upload may take as long as reading the
  // blob. kUnavailable while another worker sends it: whoever asks again finds it complete.
  // What is wrong with the bucket, or with the coordinator's key, is no error of the worker's: the
  // step has no parts then, and is not complete.
  // kNotFound (BLOB_MISSING) if parts are not there. kInvalidArgument for parts that cannot be, and
  // (DIGEST_MISMATCH) for a blob with other bytes, which is sent through the coordinator from then
  // on, where each byte is looked at.
  Result<DirectStep> Step(const DirectAsked& asked, storage::BlobStore* blobs);

 private:
  struct Sender {
    std::string worker;
    int64_t until_ms = 0;  // of the monotonic clock
    int failed_ends = 0;
  };
  // Whether the worker may send the blob now.
  Status Take(const std::string& sha256, const std::string& worker);
  bool IsOpen() const;
  bool IsRefused(const std::string& sha256) const;
  // The bucket has failed: says so, once for each reason.
  void Close(const Status& why);
  Result<DirectStep> Begin(const DirectAsked& asked, storage::BlobStore* blobs);
  Result<DirectStep> Sign(const DirectAsked& asked, const std::vector<storage::BlobPart>& parts,
                          storage::BlobStore* blobs);
  Result<DirectStep> End(const DirectAsked& asked, storage::BlobStore* blobs);
  // Notes how an end went: after success the blob has no sender any more, and after wrong bytes or
  // too many failures it has to come through the coordinator.
  void Ended(const DirectAsked& asked, const Status& status);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<std::string, Sender> senders_ BRAID_GUARDED_BY(mutex_);  // by digest
  // Blobs that had other bytes in the bucket, or whose ends fail: the coordinator takes them.
  std::set<std::string> refused_ BRAID_GUARDED_BY(mutex_);
  int64_t closed_until_ms_ BRAID_GUARDED_BY(mutex_) = 0;
  std::string said_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
