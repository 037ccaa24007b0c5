// The artifacts in the worker's cache, as they are on the disk. Beside the folder of each artifact
// (hard links into the blob store) are these files:
//
//   <id>.manifest.json  its manifest; the time of the file says when it was last used
//   <id>.marks.json     size, time and inode of each file when the folder was made
//   <id>.bound          it is bound to the site of this worker, and stays until it is released
//
// A new process of the worker therefore knows what the cache holds, and notices files that somebody
// has changed.
#pragma once

#include <string>

#include "base/status.h"
#include "storage/files/blob_store.h"
#include "storage/files/manifest.h"
#include "worker/agent/cache_policy.h"

namespace braid::worker {

// The path of the manifest of an artifact that is laid out in `artifact_folder`: a file beside that
// folder.
std::string ManifestPath(const std::string& artifact_folder);

// Everything in the cache: the artifacts with a valid manifest in `folder` and all of their blobs
// in `cache`, in the order of their last use, and the blobs of none. Removes from `folder` what
// belongs to no such artifact. Errors are those of listing. REQUIRES: no job uses the folder.
Result<CacheContent> ReadCache(const std::string& folder, storage::BlobStore& cache);

// Writes down how the files of a folder look that was just laid out.
Status WriteFileMarks(const storage::Manifest& manifest, const std::string& artifact_folder);

// Looks whether an artifact that was laid out is what it was, marks it as used now, and returns its
// manifest. A file that looks different, or of which it is not known how it looked, is hashed;
// kDataLoss names one with another digest, and its blob is removed from `cache`.
Result<storage::Manifest> FindWhole(const std::string& artifact_folder, storage::BlobStore& cache);

// Marks an artifact as bound to this worker's site, durably, for a coordinator; and takes the mark
// away, unless it is that of another one (kFailedPrecondition). The artifact need not be laid out.
Status MarkBound(const std::string& artifact_folder, const std::string& coordinator);
Status Unbind(const std::string& artifact_folder, const std::string& coordinator);

// Removes the folder and the files beside it, but for the mark of what is bound.
Status RemoveLayout(const std::string& artifact_folder);

}  // namespace braid::worker
