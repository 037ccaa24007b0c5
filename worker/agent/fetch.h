// Artifacts that ranks need on this machine: looked up, fetched blob by blob, and laid out as
// folders. Ranks that need the same artifact wait for one fetch.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/cached_artifacts.h"
#include "worker/agent/calls.h"

namespace braid::worker {

class Fetches {
 public:
  using Then = std::function<void(const Status& status)>;

  Fetches(Calls& calls, BlobMoves& moves, CachedArtifacts& cached)
      : calls_(calls), moves_(moves), cached_(cached) {}

  // The artifact's folder is there when `then` hears OK; an error names the file that could not be
  // fetched, as BlobMoves::Download says.
  void Fetch(const CallOwner& owner, const std::string& artifact, Then then);
  // This owner waits for nothing any more. A fetch that nobody waits for ends.
  void Leave(const CallOwner& owner);

  bool empty() const { return running_.empty(); }

 private:
  struct Running {
    std::vector<std::pair<CallOwner, Then>> waiters;
    storage::Manifest manifest;
    size_t next_file = 0;
    int tries = 0;
  };
  void OnFound(const std::string& artifact, const Done& done);
  void FetchNextFile(const std::string& artifact);
  void OnLaidOut(const std::string& artifact, const Status& status);
  void End(const std::string& artifact, const Status& status);

  Calls& calls_;
  BlobMoves& moves_;
  CachedArtifacts& cached_;
  std::map<std::string, Running> running_;  // by artifact
};

}  // namespace braid::worker
