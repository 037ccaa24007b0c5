// The state of the worker's cache for its decisions: which artifacts are complete in it, which of
// them are in use, and what is removed when it is too large. The list of artifacts is reported to
// the coordinator, which prefers to place jobs where their inputs are.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/cache_policy.h"
#include "worker/agent/calls.h"

namespace braid::worker {

// A part of the agent; not thread-safe.
class Cache {
 public:
  // Both references outlive this. `limit_bytes` is how large the cache may become; what is in use
  // may be more than that.
  Cache(Turn& turn, Calls& calls, uint64_t limit_bytes)
      : turn_(turn), calls_(calls), limit_bytes_(limit_bytes) {}

  // Begins to list what an earlier process of this worker left in the cache.
  void Start();

  // Adds an artifact that was fetched, or found there, and is about to be used.
  void Add(const std::string& id, const storage::Manifest& manifest);

  // Adds an artifact that a rank of this worker made, and keeps its manifest on disk for the next
  // process.
  void Keep(const storage::Manifest& manifest);

  // The same of one that is bound to the site of this worker: it stays until it is released. `then`
  // gets OK when that is on the disk, or the error of the disk; it is not called any more once the
  // calls of `owner` are cancelled.
  void KeepBound(const CallOwner& owner, const storage::Manifest& manifest,
                 std::function<void(const Status&)> then);

  // The coordinator for which this worker works from now on.
  void WorkFor(const std::string& coordinator) { coordinator_ = coordinator; }

  // Nobody needs these any more, of those that are bound: they may go when the cache is too large.
  void ReleaseBound(const std::vector<std::string>& ids);

  // From now on the artifact, or these blobs, stay in the cache until EndUse(owner).
  void Use(const CallOwner& owner, const std::string& artifact);
  void UseBlobs(const CallOwner& owner, const std::vector<std::string>& sha256);
  // Nothing is in use for this owner any more.
  void EndUse(const CallOwner& owner) { changed_ = uses_.erase(owner) > 0 || changed_; }

  // Calls `then` when the artifact may be looked for: at once, unless the cache is not known yet or
  // the artifact is just being removed.
  void WhenSettled(const std::string& artifact, std::function<void()> then);

  // Removes what is too much, if that is not being done. Part of every event.
  void Advance();

  // Rises with every change. It is 0 until the answer to Start is there, and the list is not
  // complete before.
  int64_t version() const { return version_; }
  // The ids of the artifacts, and of those of them that are bound.
  std::vector<std::string> List() const;
  std::vector<std::string> Bound() const;

 private:
  void OnListed(const Done& done);
  void OnEvicted();
  CacheUse InUse() const;

  Turn& turn_;
  Calls& calls_;
  const uint64_t limit_bytes_;
  std::string coordinator_;
  CacheContent content_;
  std::map<CallOwner, CacheUse> uses_;
  int64_t version_ = 0;
  // Whether content or uses have changed since Advance last looked.
  bool changed_ = false;
  bool over_limit_said_ = false;
  // Of which ReleaseArtifact is under way.
  std::set<std::string> releasing_;
  // What is being removed; empty if nothing is.
  Eviction evicting_;
  std::vector<std::function<void()>> when_settled_;
};

}  // namespace braid::worker
