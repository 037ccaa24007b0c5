// What workers report of their attempts. Each function does its part with files first, for a thread
// that may do so, and returns what the core then has to decide.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/changes.h"
#include "storage/files/blob_store.h"
#include "storage/files/manifest.h"
#include "task/keys.h"
#include "task/outcome.h"

namespace braid::coordinator {

// Every file of the manifest is in the blob store; else kFailedPrecondition (BLOB_MISSING), naming
// the first that is not.
Status CheckBlobs(const storage::Manifest& manifest, const storage::BlobStore& blobs);

// An artifact that `user` puts, whose blobs are all stored. `name` and `user` may be empty.
Result<CoreWork> PutArtifact(const Backend& backend, const std::string& manifest_json,
                             const std::string& name, const std::string& user,
                             const std::string& request_id, ShowArtifact show);
// Hashes every blob of the artifact again. kDataLoss names the first that has changed.
Status VerifyBlobs(const catalog::ArtifactRecord& artifact, const storage::BlobStore& blobs);

// The attempt has started its program.
CoreWork StartedFact(const RankKey& rank);
// A checkpoint whose files are all stored: the job resumes from it. The metrics before it are made
// durable first, as nobody who resumes from it says them again.
Result<CoreWork> CheckpointFact(const Backend& backend, const RankKey& rank, int64_t step,
                                const std::string& manifest_json);
// The end of a rank, with its logs and metrics made durable. Of an attempt that is over with it the
// rendezvous keys are forgotten.
Result<CoreWork> EndedFact(const Backend& backend, const RankKey& rank, const std::string& worker,
                           const task::Outcome& outcome);
// kAborted (STALE_LEASE) unless the attempt is live.
CoreWork CheckLive(const RankKey& rank);

// Which ranks were found to be ours, so that not every piece of a log asks the core. Thread-safe.
class KnownRanks {
 public:
  // `who` was found to be allowed to speak for it.
  bool Has(const Identity& who, const RankKey& rank);
  // What an attempt that has ended still has to say is kept: kAborted (STALE_LEASE) only for one
  // that never was; kPermissionDenied for one that is not the caller's.
  CoreWork Check(const Identity& who, const RankKey& rank);

 private:
  // Bounds the memory of the set.
  static constexpr size_t kMost = 100'000;  // then all are asked for again
  Mutex mutex_;
  // Of each caller, by its credential.
  std::set<std::pair<std::string, RankKey>> known_ BRAID_GUARDED_BY(mutex_);
};

// A piece of a log or of metrics; returns the file's new end.
Result<int64_t> AppendPiece(AppendFiles* files, const std::string& name, int64_t offset,
                            std::string_view data);

}  // namespace braid::coordinator
