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
#include "worker/agent/work.h"

namespace braid::worker {

// A blob on its way to the coordinator, of `size` bytes, of which it has the first `offset`.
struct Sending {
  std::string sha256;
  uint64_t size = 0;
  uint64_t offset = 0;
  // The file that has it.
  std::string path;
  // The output to which it belongs.
  OutputName output;
};

// What the coordinator knows of an artifact.
struct KnownArtifact {
  storage::Manifest manifest;
  bool bound = false;  // to a site: it has no file of it
};

// The calls about blobs, which are all that transfers need.
class BlobLink {
 public:
  virtual ~BlobLink() = default;
  // Returns how many bytes of the blob the coordinator has; `complete` is set if it has verified
  // all of them.
  virtual Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t size,
                                          bool* complete) = 0;

  // Sends what the coordinator does not have, and returns when it has answered. kFailedPrecondition
  // (BOUND_TO_SITE) for a file that must not leave this site.
  virtual Status Upload(const Sending& sending) = 0;

  // Calls `use` with consecutive pieces of the blob, a file of `artifact`, from `offset` on. An
  // error of `use` ends the call and is returned. kFailedPrecondition (BOUND_TO_SITE) if the
  // artifact is bound to a site.
  virtual Status Download(const std::string& sha256, const std::string& artifact, uint64_t offset,
                          const std::function<Status(std::string_view)>& use) = 0;
};

// All calls of a worker but its session.
class CoordinatorLink : public BlobLink {
 public:
  // kNotFound if there is no such artifact; kFailedPrecondition (ARTIFACT_REMOVED) if its files are
  // gone.
  virtual Result<KnownArtifact> GetArtifact(const std::string& artifact) = 0;

  // Makes the coordinator hash the files of an artifact in its store again; kDataLoss if one is
  // damaged. Takes as long as reading them.
  virtual Status VerifyArtifact(const std::string& artifact) = 0;
  // Returns those of the blobs that the coordinator does not have.
  virtual Result<std::vector<std::string>> FindMissing(const std::vector<std::string>& sha256) = 0;
  // The rank's program runs.
  virtual Status ReportStarted(const RankKey& rank) = 0;
  // The files of the manifest (JSON) are a checkpoint after `step` steps. They are all stored, or
  // stay here if it is `bound`. kFailedPrecondition (BLOB_MISSING) names one that is not stored.
  virtual Status CommitCheckpoint(const RankKey& rank, int64_t step, const std::string& manifest,
                                  bool bound) = 0;
  // The rank has ended; its outputs are all stored, but for those that are bound.
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
