// Reports of workers about their attempts. Each function first does the part that works with files,
// in a thread that may block, and returns the work for the core.
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

// Checks that every file of the manifest is in the blob store; otherwise kFailedPrecondition
// (BLOB_MISSING), naming the first missing one.
Status CheckBlobs(const storage::Manifest& manifest, const storage::BlobStore& blobs);

// Makes an artifact that `user` uploads, whose blobs must all be stored. `name` and `user` may be
// empty.
Result<CoreWork> PutArtifact(const Backend& backend, const std::string& manifest_json,
                             const std::string& name, const std::string& user,
                             const std::string& request_id, ShowArtifact show);
// Hashes every blob of the artifact again. kDataLoss names the first that has changed.
Status VerifyBlobs(const catalog::ArtifactRecord& artifact, storage::BlobStore& blobs);

// The attempt has started its program.
CoreWork StartedFact(const RankKey& rank);
// A checkpoint whose files are all stored, or stay on the worker (`bound`): the job resumes from
// it. The metrics before it are made durable first: an attempt that resumes from the checkpoint
// does not report them again.
Result<CoreWork> CheckpointFact(const Backend& backend, const RankKey& rank, int64_t step,
                                const std::string& manifest_json, bool bound);
// The end of a rank. Its logs and metrics are made durable first. If the attempt has ended with it,
// its rendezvous keys are dropped, and its curves kept. `backend` outlives the work.
Result<CoreWork> EndedFact(Backend& backend, const RankKey& rank, const std::string& worker,
                           const task::Outcome& outcome);
// kAborted (STALE_LEASE) unless the attempt is live.
CoreWork CheckLive(const RankKey& rank);

// A cache of ranks for which callers were authorized, so that not every piece of a log needs the
// core. Thread-safe.
class KnownRanks {
 public:
  // Whether `who` has been authorized to report for the rank.
  bool Has(const Identity& who, const RankKey& rank);
  // Authorizes the caller in the core and remembers the result. An attempt that has ended is
  // accepted, since its last lines may still arrive. kAborted (STALE_LEASE) for an attempt that
  // never existed; kPermissionDenied for a rank of another worker.
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
