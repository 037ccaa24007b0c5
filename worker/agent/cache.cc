#include "worker/agent/cache.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace braid::worker {
namespace {

// The owner in Calls.
constexpr char kCache[] = "cache";

CachedArtifact ArtifactOf(const storage::Manifest& manifest) {
  CachedArtifact artifact;
  for (const storage::ManifestFile& file : manifest.files) artifact.blobs[file.sha256] = file.size;
  return artifact;
}

}  // namespace

void Cache::Start() {
  calls_.Once(kCache, ListCache{}, [this](const Done& done) { OnListed(done); });
}

void Cache::OnListed(const Done& done) {
  // After an error the cache counts as empty, and the coordinator is told that.
  if (done.status.ok()) {
    CacheContent found = std::get<CacheContent>(done.answer);
    content_.artifacts.merge(found.artifacts);
    content_.loose = std::move(found.loose);
  }
  ++version_;
  changed_ = true;
  for (const auto& then : std::exchange(when_settled_, {})) then();
}

void Cache::Add(const std::string& id, const storage::Manifest& manifest) {
  CachedArtifact artifact = ArtifactOf(manifest);
  artifact.used = 1;
  for (const auto& [other, known] : content_.artifacts)
    artifact.used = std::max(artifact.used, known.used + 1);
  const bool is_new = !content_.artifacts.contains(id);
  if (!is_new) artifact.bound = content_.artifacts.at(id).bound;
  content_.artifacts[id] = std::move(artifact);
  changed_ = true;
  if (is_new && version_ > 0) ++version_;
}

// An error is ignored: the only loss is that the next job may be placed elsewhere.
void Cache::Keep(const storage::Manifest& manifest) {
  calls_.Once(kCache, KeepManifest{manifest}, [this, manifest](const Done& done) {
    if (done.status.ok()) Add(manifest.Id(), manifest);
  });
}

void Cache::KeepBound(const CallOwner& owner, const storage::Manifest& manifest,
                      std::function<void(const Status&)> then) {
  calls_.RetryUntilSettled(
      owner, KeepManifest{manifest, /*bound=*/true, coordinator_},
      [this, manifest, then = std::move(then)](const Done& done) {
        if (done.status.ok()) {
          const std::string id = manifest.Id();
          Add(id, manifest);
          if (!std::exchange(content_.artifacts.at(id).bound, true) && version_ > 0) ++version_;
        }
        then(done.status);
      });
}

// After an error it stays bound, and is released again.
void Cache::ReleaseBound(const std::vector<std::string>& ids) {
  const CacheUse use = InUse();
  for (const std::string& id : ids) {
    const auto there = content_.artifacts.find(id);
    if (there == content_.artifacts.end() || !there->second.bound) continue;
    // A rank reads it, or has just made it again and is about to commit it.
    const auto& blobs = there->second.blobs;
    const bool in_use = use.artifacts.contains(id) ||
                        (!blobs.empty() &&
                         std::all_of(blobs.begin(), blobs.end(), [&](const auto& blob) {
                           return use.blobs.contains(blob.first);
                         }));
    if (in_use || !releasing_.insert(id).second) continue;
    calls_.Once(kCache, ReleaseArtifact{id, coordinator_}, [this, id](const Done& done) {
      releasing_.erase(id);
      const auto released = content_.artifacts.find(id);
      if (!done.status.ok() || released == content_.artifacts.end()) return;
      released->second.bound = false;
      changed_ = true;
      ++version_;
    });
  }
}

void Cache::Use(const CallOwner& owner, const std::string& artifact) {
  uses_[owner].artifacts.insert(artifact);
}

void Cache::UseBlobs(const CallOwner& owner, const std::vector<std::string>& sha256) {
  uses_[owner].blobs.insert(sha256.begin(), sha256.end());
}

void Cache::WhenSettled(const std::string& artifact, std::function<void()> then) {
  const bool leaves = std::find(evicting_.artifacts.begin(), evicting_.artifacts.end(), artifact) !=
                      evicting_.artifacts.end();
  if (version_ > 0 && !leaves) return then();
  when_settled_.push_back(std::move(then));
}

CacheUse Cache::InUse() const {
  CacheUse use;
  for (const auto& [owner, one] : uses_) {
    use.artifacts.insert(one.artifacts.begin(), one.artifacts.end());
    use.blobs.insert(one.blobs.begin(), one.blobs.end());
  }
  return use;
}

void Cache::Advance() {
  if (!changed_ || version_ == 0 || !evicting_.empty()) return;
  changed_ = false;
  const uint64_t bytes = BytesOf(content_);
  if (bytes <= limit_bytes_) {
    over_limit_said_ = false;
    return;
  }
  evicting_ = ToEvict(content_, InUse(), limit_bytes_);
  if (evicting_.empty()) {
    if (!std::exchange(over_limit_said_, true)) {
      turn_.Say(LogLevel::kWarning, kCache,
                "the cache has " + FormatBytes(bytes) + ", more than its limit of " +
                    FormatBytes(limit_bytes_) + ": all of it is in use, or bound to this site");
    }
    return;
  }
  // The coordinator learns at once that they are not here any more.
  for (const std::string& id : evicting_.artifacts) {
    const auto artifact = content_.artifacts.extract(id);
    // Blobs that stay because somebody needs them belong to no artifact now.
    content_.loose.insert(artifact.mapped().blobs.begin(), artifact.mapped().blobs.end());
  }
  for (const std::string& sha256 : evicting_.blobs) content_.loose.erase(sha256);
  ++version_;
  calls_.Once(kCache, EvictFromCache{evicting_}, [this](const Done&) { OnEvicted(); });
}

// After an error the next process finds what is left.
void Cache::OnEvicted() {
  evicting_ = {};
  changed_ = true;
  for (const auto& then : std::exchange(when_settled_, {})) then();
}

std::vector<std::string> Cache::List() const {
  std::vector<std::string> ids;
  for (const auto& [id, artifact] : content_.artifacts) ids.push_back(id);
  return ids;
}

std::vector<std::string> Cache::Bound() const {
  std::vector<std::string> ids;
  for (const auto& [id, artifact] : content_.artifacts) {
    if (artifact.bound) ids.push_back(id);
  }
  return ids;
}

}  // namespace braid::worker
