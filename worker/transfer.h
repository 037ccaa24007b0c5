// Artifacts between the worker's blob cache and the coordinator, both ways. Every transfer goes on
// where it stopped, and tries again while the coordinator is away. Ranks of one worker move a blob
// once: the others wait for it.
#pragma once

#include <string>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "worker/agent/backoff.h"
#include "worker/coordinator_link.h"
#include "worker/stop_signal.h"

namespace braid::worker {

// How long to wait before trying again, where nobody says otherwise.
inline const Backoff kPatience(100, 5'000);

// The blob is with the coordinator when this returns OK. Wrong bytes there (an upload torn by a
// crash), and bytes that its disk has lost, are sent once more; then kInvalidArgument
// (DIGEST_MISMATCH) or kDataLoss (FSYNC_FAILED). A blob that neither side has is kNotFound.
Status UploadBlob(BlobLink& link, const storage::BlobStore& cache, const std::string& sha256,
                  StopSignal& stop, Backoff backoff = kPatience);
// The blob is in the cache, verified. A blob with wrong bytes, or that the disk does not keep, is
// fetched once more, then kDataLoss (DIGEST_MISMATCH, FSYNC_FAILED).
Status DownloadBlob(BlobLink& link, storage::BlobStore& cache, const std::string& sha256,
                    uint64_t size, StopSignal& stop, Backoff backoff = kPatience);

// All blobs of the manifest that the coordinator lacks.
Status UploadArtifact(CoordinatorLink& link, const storage::BlobStore& cache,
                      const storage::Manifest& manifest, StopSignal& stop);
// The artifact as a folder of read-only files under <folder>/<id>, with its manifest beside it as
// <id>.manifest.json; returns it.
Result<std::string> FetchArtifact(CoordinatorLink& link, storage::BlobStore& cache,
                                  const std::string& artifact, const std::string& folder,
                                  StopSignal& stop);
// Takes the files of a folder into the cache and describes them. The folder may go afterwards.
Result<storage::Manifest> IngestFolder(storage::BlobStore& cache, const std::string& folder,
                                       const std::string& kind, const Json& metadata);

// Whether trying again may help: kUnavailable, kDeadlineExceeded, STORAGE_FULL.
bool MayPass(const Status& status);
// Repeats `call` while its status may pass, with backoff, until `stop`.
Status Persist(StopSignal& stop, const std::function<Status()>& call, Backoff backoff = kPatience);

}  // namespace braid::worker
