#include "worker/io/cached_artifacts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/file.h"

namespace braid::worker {
namespace {

constexpr std::string_view kManifestEnding = ".manifest.json";

bool IsWhole(const storage::Manifest& manifest, const storage::BlobStore& cache) {
  return std::all_of(manifest.files.begin(), manifest.files.end(),
                     [&](const storage::ManifestFile& file) { return cache.Has(file.sha256); });
}

}  // namespace

CachedArtifacts::CachedArtifacts(std::string folder, const storage::BlobStore* cache)
    : folder_(std::move(folder)), cache_(cache) {
  const Result<std::vector<std::string>> names = ListFolder(folder_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(kManifestEnding)) continue;
    const std::string id = name.substr(0, name.size() - kManifestEnding.size());
    const Result<std::string> text = ReadFile(JoinPath(folder_, name));
    if (!text.ok()) continue;
    const Result<storage::Manifest> manifest = storage::ParseManifest(*text, name);
    // A damaged one is written anew when its artifact is fetched.
    if (manifest.ok() && manifest->Id() == id && IsWhole(*manifest, *cache_)) ids_.insert(id);
  }
}

Status CachedArtifacts::Add(const storage::Manifest& manifest) {
  const std::string id = manifest.Id();
  {
    MutexLock lock(mutex_);
    if (ids_.contains(id)) return OkStatus();
  }
  BRAID_RETURN_IF_ERROR(MakeFolder(folder_));
  BRAID_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(folder_, id) + std::string(kManifestEnding), manifest.Canonical()));
  MutexLock lock(mutex_);
  if (ids_.insert(id).second) ++version_;
  return OkStatus();
}

std::vector<std::string> CachedArtifacts::List(int64_t* version) const {
  MutexLock lock(mutex_);
  *version = version_;
  return {ids_.begin(), ids_.end()};
}

int64_t CachedArtifacts::version() const {
  MutexLock lock(mutex_);
  return version_;
}

}  // namespace braid::worker
