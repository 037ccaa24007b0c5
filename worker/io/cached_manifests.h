// The manifests of the artifacts whose files are all in the worker's cache, so that a worker that
// starts again knows what it has.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "storage/files/manifest.h"

namespace braid::worker {

// Where the manifest of an artifact is that is laid out in this folder, beside it.
std::string ManifestPath(const std::string& artifact_folder);

// The ids of those in `folder` that are what they were, and whole in `cache`. Sorted.
Result<std::vector<std::string>> WholeArtifacts(const std::string& folder,
                                                const storage::BlobStore& cache);

}  // namespace braid::worker
