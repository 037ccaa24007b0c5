// Single tries to move artifacts between the worker's cache and the coordinator, or from workers of
// the same site to the cache. Each continues
// where the last one stopped; repetition is decided in worker/agent. The functions block and are
// thread-safe.
#pragma once

#include <string>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/neighbours.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

// Errors are those of the work of the same name in worker/agent/work.h; TryDownload also returns
// kCancelled once `stop` is set.
Status TryUpload(BlobLink& link, const storage::BlobStore& cache, const std::string& sha256,
                 const OutputName& output);
// What the neighbours have comes from them, the rest from the coordinator, which is not asked for
// what is bound; null: there are none.
Status TryDownload(BlobLink& link, storage::BlobStore& cache, const DownloadBlob& blob,
                   const StopSignal& stop, Neighbours* neighbours = nullptr);
// `folder` is where the artifact is laid out, or will be. The manifest is written beside it
// (<folder>.manifest.json): error messages take the users' names of files from it. Its time says
// when the artifact was last used.
Result<ArtifactFound> TryFind(CoordinatorLink& link, storage::BlobStore& cache,
                              const std::string& artifact, const std::string& folder);
// Adds the files of `folder` to the cache and returns their manifest. The folder may be removed
// afterwards.
Result<storage::Manifest> TryIngest(storage::BlobStore& cache, const std::string& folder,
                                    const std::string& kind, const Json& metadata);

}  // namespace braid::worker
