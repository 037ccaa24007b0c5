// Fetching of artifacts that ranks need on this machine: the manifest is looked up, the blobs are
// fetched one after another, and the artifact is laid out as a folder. Ranks that need the same
// artifact share one fetch.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/cache.h"
#include "worker/agent/calls.h"

namespace braid::worker {

// A part of the agent; callbacks run within Agent::Handle and may fetch again.
class Fetches {
 public:
  // Called once when the fetch has ended, within the Agent::Handle that ends it.
  using Then = std::function<void(const Status& status)>;

  // All three outlive this.
  Fetches(Calls& calls, BlobMoves& moves, Cache& cached)
      : calls_(calls), moves_(moves), cached_(cached) {}

  // Makes sure that the artifact's folder exists; `then` gets OK when it does. Errors are those of
  // BlobMoves::Download with the name of the file that could not be fetched.
  void Fetch(const CallOwner& owner, const std::string& artifact, Then then);

  // Removes `owner` from all fetches. A fetch without waiters is cancelled.
  void Leave(const CallOwner& owner);

  // Whether no fetch is under way.
  bool empty() const { return running_.empty(); }

 private:
  // A fetch and the ranks that wait for it.
  struct Running {
    std::vector<std::pair<CallOwner, Then>> waiters;
    storage::Manifest manifest;
    bool bound = false;  // to this site, as ArtifactFound says
    bool begun = false;
    size_t next_file = 0;
    // How often it was laid out in vain, because another rank had removed a blob from the cache.
    int tries = 0;
  };
  // The steps of a fetch: its manifest is found, its files are fetched, its folder is laid out.
  void Begin(const std::string& artifact);
  void OnFound(const std::string& artifact, const Done& done);
  void FetchNextFile(const std::string& artifact);
  void OnLaidOut(const std::string& artifact, const Status& status);
  // Tells all who wait.
  void End(const std::string& artifact, const Status& status);

  Calls& calls_;
  BlobMoves& moves_;
  Cache& cached_;
  std::map<std::string, Running> running_;  // by artifact
};

}  // namespace braid::worker
