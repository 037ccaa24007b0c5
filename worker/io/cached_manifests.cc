#include "worker/io/cached_manifests.h"

#include <algorithm>
#include <string_view>

#include "base/file.h"

namespace braid::worker {
namespace {

constexpr std::string_view kEnding = ".manifest.json";

bool IsWhole(const storage::Manifest& manifest, const storage::BlobStore& cache) {
  return std::all_of(manifest.files.begin(), manifest.files.end(),
                     [&](const storage::ManifestFile& file) { return cache.Has(file.sha256); });
}

}  // namespace

std::string ManifestPath(const std::string& artifact_folder) {
  return artifact_folder + std::string(kEnding);
}

Result<std::vector<std::string>> WholeArtifacts(const std::string& folder,
                                                const storage::BlobStore& cache) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  std::vector<std::string> whole;
  for (const std::string& name : names) {
    if (!name.ends_with(kEnding)) continue;
    const std::string id = name.substr(0, name.size() - kEnding.size());
    const Result<std::string> text = ReadFile(JoinPath(folder, name));
    if (!text.ok()) continue;
    // A damaged manifest is skipped; it is written again when its artifact is fetched.
    const Result<storage::Manifest> manifest = storage::ParseManifest(*text, name);
    if (manifest.ok() && manifest->Id() == id && IsWhole(*manifest, cache)) whole.push_back(id);
  }
  std::sort(whole.begin(), whole.end());
  return whole;
}

}  // namespace braid::worker
