#include "worker/agent/cached_artifacts.h"

namespace braid::worker {
namespace {

// As the owner of calls.
constexpr char kCache[] = "cache";

}  // namespace

void CachedArtifacts::Start() {
  calls_.Once(kCache, ListCachedArtifacts{}, [this](const Done& done) {
    if (done.status.ok()) {
      const auto& found = std::get<std::vector<std::string>>(done.answer);
      artifacts_.insert(found.begin(), found.end());
    }
    ++version_;
  });
}

void CachedArtifacts::Add(const std::string& artifact) {
  if (artifacts_.insert(artifact).second && version_ > 0) ++version_;
}

// Where its manifest cannot be kept the next job may be sent elsewhere, and nothing else is lost.
void CachedArtifacts::Keep(const storage::Manifest& manifest) {
  calls_.Once(kCache, KeepManifest{manifest}, [this, id = manifest.Id()](const Done& done) {
    if (done.status.ok()) Add(id);
  });
}

}  // namespace braid::worker
