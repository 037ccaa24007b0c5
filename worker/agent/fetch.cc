#include "worker/agent/fetch.h"

#include <utility>

namespace braid::worker {
namespace {

// A limit for the case that another rank removes blobs from the cache each time before the artifact
// is laid out.
constexpr int kMaxLayOuts = 3;

// The owner in Calls and BlobMoves: a fetch goes on when the rank that began it leaves and another
// one waits.
CallOwner OwnerOf(const std::string& artifact) {
  return "artifact " + artifact.substr(0, 12);
}

}  // namespace

void Fetches::Fetch(const CallOwner& owner, const std::string& artifact, Then then) {
  const auto [fetch, is_new] = running_.try_emplace(artifact);
  fetch->second.waiters.emplace_back(owner, std::move(then));
  if (!is_new) return;
  cached_.WhenSettled(artifact, [this, artifact] { Begin(artifact); });
}

void Fetches::Begin(const std::string& artifact) {
  const auto fetch = running_.find(artifact);
  // All that waited have left, and others may have come.
  if (fetch == running_.end() || std::exchange(fetch->second.begun, true)) return;
  cached_.Use(OwnerOf(artifact), artifact);
  calls_.RetryUntilSettled(OwnerOf(artifact), FindArtifact{artifact},
                           [this, artifact](const Done& done) { OnFound(artifact, done); });
}

void Fetches::OnFound(const std::string& artifact, const Done& done) {
  if (!done.status.ok()) return End(artifact, done.status);
  const ArtifactFound& found = std::get<ArtifactFound>(done.answer);
  running_.at(artifact).manifest = found.manifest;
  running_.at(artifact).bound = found.bound;
  if (found.laid_out) return End(artifact, OkStatus());
  cached_.UseBlobs(OwnerOf(artifact), DigestsOf(found.manifest));
  FetchNextFile(artifact);
}

void Fetches::FetchNextFile(const std::string& artifact) {
  Running& fetch = running_.at(artifact);
  if (fetch.next_file == fetch.manifest.files.size()) {
    calls_.Once(OwnerOf(artifact), LayOutArtifact{artifact, fetch.manifest},
                [this, artifact](const Done& done) { OnLaidOut(artifact, done.status); });
    return;
  }
  const storage::ManifestFile& file = fetch.manifest.files[fetch.next_file++];
  moves_.Download(OwnerOf(artifact), {file.sha256, file.size, artifact, fetch.bound},
                  [this, artifact, path = file.path](const Status& status) {
                    if (!status.ok()) return End(artifact, status.Wrap("fetching " + path));
                    FetchNextFile(artifact);
                  });
}

void Fetches::OnLaidOut(const std::string& artifact, const Status& status) {
  Running& fetch = running_.at(artifact);
  const bool taken = status.Is(ErrorReason::kBlobMissing) || status.code() == StatusCode::kNotFound;
  if (!taken || ++fetch.tries == kMaxLayOuts) return End(artifact, status);
  fetch.next_file = 0;
  FetchNextFile(artifact);
}

void Fetches::End(const std::string& artifact, const Status& status) {
  // Taken out before the callbacks run, because they may fetch the same artifact again.
  const auto fetch = running_.extract(artifact);
  if (status.ok()) cached_.Add(artifact, fetch.mapped().manifest);
  cached_.EndUse(OwnerOf(artifact));
  for (const auto& [owner, then] : fetch.mapped().waiters) then(status);
}

void Fetches::Leave(const CallOwner& owner) {
  for (auto fetch = running_.begin(); fetch != running_.end();) {
    std::erase_if(fetch->second.waiters, [&](const auto& waiter) { return waiter.first == owner; });
    if (fetch->second.waiters.empty()) {
      calls_.CancelAll(OwnerOf(fetch->first));
      moves_.Leave(OwnerOf(fetch->first));
      cached_.EndUse(OwnerOf(fetch->first));
      fetch = running_.erase(fetch);
    } else {
      ++fetch;
    }
  }
}

}  // namespace braid::worker
