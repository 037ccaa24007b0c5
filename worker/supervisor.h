// All ranks of a worker: starts, stops and drops them as the coordinator's desired state says.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "worker/devices.h"
#include "worker/rank.h"
#include "worker/session/reconcile.h"
#include "worker/stop_signal.h"

namespace braid::worker {

class Supervisor {
 public:
  Supervisor(RankContext context, std::vector<Gpu> gpus);
  ~Supervisor();

  // Makes the ranks match. Thread-safe, as all members are.
  void Apply(const Desired& desired);
  // From now on nothing new is started: this worker is about to leave.
  void Drain() { draining_.store(true); }
  bool draining() const { return draining_.load(); }
  // The session calls it when the coordinator was told of the draining.
  void DrainAnnounced() { announced_.Set(); }
  // Waits for that, at most `timeout_ms`: what stops afterwards is not offered to this worker
  // again.
  void WaitDrainAnnounced(int64_t timeout_ms) { announced_.WaitFor(timeout_ms); }
  // Every rank stops with a checkpoint and reports; returns when all have, or after `deadline_ms`.
  void StopAll(int64_t deadline_ms);

  struct RankView {
    RankKey key;
    task::Progress progress;
  };
  // The whole inventory. Ranks that have ended leave it.
  std::vector<RankView> Inventory();

 private:
  void Collect() BRAID_REQUIRES(mutex_);
  void Drop(const std::vector<RankKey>& keys) BRAID_REQUIRES(mutex_);
  bool Leaving(const RankKey& key) const BRAID_REQUIRES(mutex_);
  // Up to `count` GPUs that are ours and that no program uses.
  std::vector<std::string> TakeGpus(int64_t count) BRAID_REQUIRES(mutex_);
  void Refuse(const std::vector<RefusedGpu>& gpus) BRAID_REQUIRES(mutex_);

  const RankContext context_;
  const std::vector<Gpu> gpus_;
  std::atomic<bool> draining_{false};
  StopSignal announced_;
  Mutex mutex_;
  std::map<RankKey, std::unique_ptr<Rank>> ranks_ BRAID_GUARDED_BY(mutex_);
  // Dropped; what they began (hashing a checkpoint, a call) is waited for beside the rest.
  std::vector<std::pair<RankKey, std::unique_ptr<Rank>>> leaving_ BRAID_GUARDED_BY(mutex_);
  std::vector<RefusedGpu> refused_gpus_ BRAID_GUARDED_BY(mutex_);  // another worker's, says the
                                                                   // coordinator
  // Ended and reported, but perhaps still in a desired state that is on its way: not to be started
  // again.
  std::set<RankKey> done_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::worker
