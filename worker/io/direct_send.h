// Blobs to where the coordinator keeps them, a bucket, by URLs that it signs: so their bytes need
// not pass through it. It is a shorter way and no other place: whatever fails here, the coordinator
// takes the same bytes. A stop does not end it: what a worker has made is to be delivered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/bucket/http.h"
#include "storage/files/remote_store.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/direct_way.h"
#include "worker/io/passage.h"

namespace braid::worker {

// What the coordinator answers to a step of such an upload (UploadDirectly in worker.proto).
struct SendStep {
  bool complete = false;
  storage::DirectUpload upload;          // without parts: it takes the bytes itself
  std::vector<storage::SignedPut> puts;  // for each part that was named
};

// Thread-safe.
class DirectSend {
 public:
  explicit DirectSend(const DirectWay::Options& options);

  // Whether the coordinator is to be asked.
  bool IsOpen() const { return passage_.IsOpen(); }

  // Asks the coordinator: tells it which parts are to be put next, or that all are there.
  using Ask =
      std::function<Result<SendStep>(const std::vector<storage::BlobPart>& parts, bool end)>;
  // Puts what the bucket does not have of the file. True: the coordinator has verified all of it.
  // False: it is to be sent through the coordinator; if the bucket is to blame, the way is closed
  // and the log says why. kUnavailable: the coordinator says to try again, or is not reached.
  // kInvalidArgument (DIGEST_MISMATCH) if it is the file that has changed.
  Result<bool> Send(const Sending& sending, const Ask& ask);

 private:
  Result<bool> PutAll(const Sending& sending, const storage::DirectUpload& upload,
                      std::vector<storage::SignedPut> first, const Ask& ask);
  // Puts these parts, each with a new URL once more if that may help.
  Result<bool> PutThese(const Sending& sending, uint64_t part_bytes,
                        const std::vector<storage::BlobPart>& parts,
                        std::vector<storage::SignedPut> puts, const Ask& ask);

  storage::HttpClient http_;
  Passage passage_;
};

}  // namespace braid::worker
