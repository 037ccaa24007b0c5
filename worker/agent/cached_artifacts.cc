#include "worker/agent/cached_artifacts.h"

namespace braid::worker {
namespace {

// The owner in Calls.
constexpr char kCache[] = "cache";

}  // namespace

void CachedArtifacts::Start() {
  calls_.Once(kCache, ListCachedArtifacts{}, [this](const Done& done) {
    if (done.status.ok()) {
      const auto& found = std::get<std::vector<std::string>>(done.answer);
      artifacts_.insert(found.begin(), found.end());
    }
    // Also after an error: then the cache counts as empty, and the coordinator is told that.
    ++version_;
  });
}

void CachedArtifacts::Add(const std::string& artifact) {
  if (artifacts_.insert(artifact).second && version_ > 0) ++version_;
}

// An error is ignored: the only loss is that the next job may be placed elsewhere.
void CachedArtifacts::Keep(const storage::Manifest& manifest) {
  calls_.Once(kCache, KeepManifest{manifest}, [this, id = manifest.Id()](const Done& done) {
    if (done.status.ok()) Add(id);
  });
}

}  // namespace braid::worker
