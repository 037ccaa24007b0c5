// Single tries of moving artifacts between the worker's blob cache and the coordinator. Each goes
// on where the last one stopped; who tries again, and when, is decided in agent/.
#pragma once

#include <string>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

// Errors are those of the work of the same name in agent/work.h. kCancelled after `stop`.
Status TryUpload(BlobLink& link, const storage::BlobStore& cache, const std::string& sha256);
Status TryDownload(BlobLink& link, storage::BlobStore& cache, const std::string& sha256,
                   uint64_t size, const StopSignal& stop);
// `folder` is where the artifact is laid out. Beside it goes its manifest, <folder>.manifest.json:
// what the user calls its files, which messages name instead of those of this cache.
Result<ArtifactFound> TryFind(CoordinatorLink& link, const std::string& artifact,
                              const std::string& folder);
// Takes the files of a folder into the cache and describes them. The folder may go afterwards.
Result<storage::Manifest> TryIngest(storage::BlobStore& cache, const std::string& folder,
                                    const std::string& kind, const Json& metadata);

}  // namespace braid::worker
