// The calls that a worker makes to its coordinator. worker/rpc/ implements them with gRPC; tests
// have fakes. All calls block, are thread-safe and may be repeated. kUnavailable means that another
// try may succeed; kAborted (STALE_LEASE) that the attempt is no longer this worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "storage/files/manifest.h"
#include "worker/agent/values.h"

namespace braid::worker {

// The calls about blobs, which are all that transfers need.
class BlobLink {
 public:
  virtual ~BlobLink() = default;
  // Returns how many bytes of the blob the coordinator has; `complete` is set if it has verified
  // all of them.
  virtual Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t size,
                                          bool* complete) = 0;

  // Sends the bytes [offset, size) of the file at `path`, and returns when the coordinator has
  // answered.
  virtual Status Upload(const std::string& sha256, uint64_t size, uint64_t offset,
                        const std::string& path) = 0;

  // Calls `use` with consecutive pieces of the blob from `offset` on. An error of `use` ends the
  // call and is returned.
  virtual Status Download(const std::string& sha256, uint64_t offset,
                          const std::function<Status(std::string_view)>& use) = 0;
};

// All calls of a worker but its session.
class CoordinatorLink : public BlobLink {
 public:
  // kNotFound if there is no such artifact; kFailedPrecondition (ARTIFACT_REMOVED) if its files are
  // gone.
  virtual Result<storage::Manifest> GetManifest(const std::string& artifact) = 0;

  // Makes the coordinator hash the files of an artifact in its store again; kDataLoss if one is
  // damaged. Takes as long as reading them.
  virtual Status VerifyArtifact(const std::string& artifact) = 0;
  // Returns those of the blobs that the coordinator does not have.
  virtual Result<std::vector<std::string>> FindMissing(const std::vector<std::string>& sha256) = 0;
  // The rank's program runs.
  virtual Status ReportStarted(const RankKey& rank) = 0;
  // The files of the manifest (JSON), all of which are stored, are a checkpoint after `step` steps.
  // kFailedPrecondition (BLOB_MISSING) names one that is not stored.
  virtual Status CommitCheckpoint(const RankKey& rank, int64_t step,
                                  const std::string& manifest) = 0;
  // The rank has ended; its outputs are all stored.
  virtual Status ReportEnded(const RankKey& rank, const Outcome& end) = 0;

  // Appends bytes of the file that begin at `offset`. Returns the number of bytes that the
  // coordinator has then. kOutOfRange if it has fewer than `offset`.
  virtual Result<int64_t> AppendLog(const RankKey& rank, int64_t offset, std::string_view data) = 0;
  virtual Result<int64_t> AppendMetrics(const RankKey& rank, int64_t offset,
                                        std::string_view data) = 0;
  // Set, and wait for, a key of the table through which the ranks of a gang find each other.
  virtual Status PutRendezvous(const RankKey& rank, const std::string& key,
                               std::string_view value) = 0;
  virtual Result<std::string> GetRendezvous(const RankKey& rank, const std::string& key,
                                            int64_t timeout_ms) = 0;
};

}  // namespace braid::worker
