// What a worker asks of its coordinator, without gRPC: rpc/ implements it, tests fake it. Every
// call may be repeated. kUnavailable means "try again"; kAborted with reason STALE_LEASE means that
// the attempt is no longer ours.
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

// Blobs alone, for the transfer.
class BlobLink {
 public:
  virtual ~BlobLink() = default;
  virtual Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t size,
                                          bool* complete) = 0;
  // Sends [offset, size) of the file at `path`; returns when the coordinator has answered.
  virtual Status Upload(const std::string& sha256, uint64_t size, uint64_t offset,
                        const std::string& path) = 0;
  // Calls `use` with the pieces from `offset` on.
  virtual Status Download(const std::string& sha256, uint64_t offset,
                          const std::function<Status(std::string_view)>& use) = 0;
};

class CoordinatorLink : public BlobLink {
 public:
  virtual Result<storage::Manifest> GetManifest(const std::string& artifact) = 0;
  // Has the coordinator hash the files of an artifact in its store again: kDataLoss if one is
  // damaged there. Takes as long as reading it.
  virtual Status VerifyArtifact(const std::string& artifact) = 0;
  virtual Result<std::vector<std::string>> FindMissing(const std::vector<std::string>& sha256) = 0;
  virtual Status ReportStarted(const RankKey& rank) = 0;
  virtual Status CommitCheckpoint(const RankKey& rank, int64_t step,
                                  const std::string& manifest) = 0;
  virtual Status ReportEnded(const RankKey& rank, const Outcome& end) = 0;
  // Returns the coordinator's offset: what it has.
  virtual Result<int64_t> AppendLog(const RankKey& rank, int64_t offset, std::string_view data) = 0;
  virtual Result<int64_t> AppendMetrics(const RankKey& rank, int64_t offset,
                                        std::string_view data) = 0;
  virtual Status PutRendezvous(const RankKey& rank, const std::string& key,
                               std::string_view value) = 0;
  virtual Result<std::string> GetRendezvous(const RankKey& rank, const std::string& key,
                                            int64_t timeout_ms) = 0;
};

}  // namespace braid::worker
