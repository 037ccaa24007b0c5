// Manifests of the artifacts whose files are in the worker's cache. They are kept on disk, so that
// a new process of the worker knows what the cache holds.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "storage/files/manifest.h"

namespace braid::worker {

// The path of the manifest of an artifact that is laid out in `artifact_folder`: a file beside that
// folder.
std::string ManifestPath(const std::string& artifact_folder);

// The ids of the artifacts with a valid manifest in `folder` and all of their files in `cache`,
// sorted. Errors are those of listing the folder; a damaged manifest is skipped.
Result<std::vector<std::string>> WholeArtifacts(const std::string& folder,
                                                const storage::BlobStore& cache);

}  // namespace braid::worker
