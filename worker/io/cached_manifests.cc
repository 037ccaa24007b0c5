#include "worker/io/cached_manifests.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"

namespace braid::worker {
namespace {

constexpr std::string_view kManifestEnding = ".manifest.json";
constexpr std::string_view kMarksEnding = ".marks.json";
constexpr std::string_view kBoundEnding = ".bound";

std::string MarksPath(const std::string& artifact_folder) {
  return artifact_folder + std::string(kMarksEnding);
}

std::string BoundPath(const std::string& artifact_folder) {
  return artifact_folder + std::string(kBoundEnding);
}

bool IsWhole(const storage::Manifest& manifest, const storage::BlobStore& cache) {
  return std::all_of(manifest.files.begin(), manifest.files.end(),
                     [&](const storage::ManifestFile& file) { return cache.Has(file.sha256); });
}

// The manifest of an artifact, as it was written; its id is the folder's name.
Result<storage::Manifest> ReadManifest(const std::string& artifact_folder) {
  const std::string path = ManifestPath(artifact_folder);
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  BRAID_ASSIGN_OR_RETURN(storage::Manifest manifest, storage::ParseManifest(text, path));
  return manifest;
}

// When a file was last written to, in nanoseconds since 1970; 0 if it is not there.
int64_t TimeOf(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return 0;
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// How a file looks, as JSON; null if it is not there.
Json MarkOf(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return nullptr;
  return {info.st_size, TimeOf(path), info.st_ino};
}

}  // namespace

std::string ManifestPath(const std::string& artifact_folder) {
  return artifact_folder + std::string(kManifestEnding);
}

Result<CacheContent> ReadCache(const std::string& folder, storage::BlobStore& cache) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  std::vector<std::pair<int64_t, std::string>> by_use;
  CacheContent content;
  for (const std::string& name : names) {
    if (!name.ends_with(kManifestEnding)) continue;
    const std::string id = name.substr(0, name.size() - kManifestEnding.size());
    const std::string layout = JoinPath(folder, id);
    // A damaged manifest is skipped; it is written again when its artifact is fetched.
    const Result<storage::Manifest> manifest = ReadManifest(layout);
    if (!manifest.ok() || manifest->Id() != id || !IsWhole(*manifest, cache)) continue;
    for (const storage::ManifestFile& file : manifest->files)
      content.artifacts[id].blobs[file.sha256] = file.size;
    content.artifacts[id].bound = PathExists(BoundPath(layout));
    by_use.emplace_back(TimeOf(ManifestPath(layout)), id);
  }
  std::sort(by_use.begin(), by_use.end());
  for (size_t i = 0; i < by_use.size(); ++i)
    content.artifacts[by_use[i].second].used = static_cast<int64_t>(i);
  for (const std::string& name : names) {
    const bool half_made = name.find(".tmp.") != std::string::npos;
    if (half_made || !content.artifacts.contains(name.substr(0, name.find('.'))))
      BRAID_RETURN_IF_ERROR(RemoveTree(JoinPath(folder, name)));
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> blobs, cache.List());
  std::set<std::string> in_artifacts;
  for (const auto& [id, artifact] : content.artifacts) {
    for (const auto& [sha256, size] : artifact.blobs) in_artifacts.insert(sha256);
  }
  for (const std::string& sha256 : blobs) {
    const Result<uint64_t> size = cache.Size(sha256);
    if (size.ok() && !in_artifacts.contains(sha256)) content.loose[sha256] = *size;
  }
  return content;
}

Status WriteFileMarks(const storage::Manifest& manifest, const std::string& artifact_folder) {
  Json marks = Json::object();
  for (const storage::ManifestFile& file : manifest.files)
    marks[file.path] = MarkOf(JoinPath(artifact_folder, file.path));
  return WriteJsonFile(MarksPath(artifact_folder), marks);
}

Result<storage::Manifest> FindWhole(const std::string& artifact_folder, storage::BlobStore& cache) {
  BRAID_ASSIGN_OR_RETURN(const storage::Manifest manifest, ReadManifest(artifact_folder));
  const Result<Json> read = ReadJsonFile(MarksPath(artifact_folder));
  const Json marks = read.ok() && read->is_object() ? *read : Json::object();
  bool hashed = false;
  for (const storage::ManifestFile& file : manifest.files) {
    const std::string path = JoinPath(artifact_folder, file.path);
    const Json mark = MarkOf(path);
    if (!mark.is_null() && marks.value(file.path, Json()) == mark) continue;
    hashed = true;
    const Result<std::string> digest = Sha256File(path);
    if (digest.ok() && *digest == file.sha256) continue;
    // The blob is the same file (a hard link).
    (void)cache.Remove(file.sha256);
    return DataLoss(path + (digest.ok() ? " was changed after it was fetched" : " is gone"));
  }
  if (hashed) BRAID_RETURN_IF_ERROR(WriteFileMarks(manifest, artifact_folder));
  (void)utimensat(AT_FDCWD, ManifestPath(artifact_folder).c_str(), nullptr, 0);
  return manifest;
}

Status MarkBound(const std::string& artifact_folder, const std::string& coordinator) {
  return WriteFileAtomic(BoundPath(artifact_folder), coordinator);
}

Status Unbind(const std::string& artifact_folder, const std::string& coordinator) {
  const std::string path = BoundPath(artifact_folder);
  const Result<std::string> owner = ReadFile(path);
  if (owner.ok() && *owner != coordinator)
    return FailedPrecondition(path + ": it is kept for coordinator " + *owner);
  return RemoveFile(path);
}

// The manifest goes first: without it, nothing takes the rest for an artifact.
Status RemoveLayout(const std::string& artifact_folder) {
  BRAID_RETURN_IF_ERROR(RemoveFile(ManifestPath(artifact_folder)));
  BRAID_RETURN_IF_ERROR(RemoveFile(MarksPath(artifact_folder)));
  return RemoveTree(artifact_folder);
}

}  // namespace braid::worker
