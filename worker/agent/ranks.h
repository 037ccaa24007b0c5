// All ranks of a worker: which to start, to stop and to drop, and which GPUs each may see.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/rank.h"

namespace braid::worker {

class Ranks {
 public:
  // `gpus`: UUIDs of the GPUs that this worker announces.
  Ranks(const Rank::Services& services, std::vector<std::string> gpus)
      : services_(services), turn_(services.turn), gpus_(std::move(gpus)) {}

  // Makes the ranks match. A rank that is dropped is killed; those that start wait until its
  // program is gone, 5 s at most, as they may need its slots.
  void OnDesired(const DesiredState& desired);
  // The rank that the program of this key belongs to, or null.
  Rank* Find(const RankKey& key) const;

  // From now on nothing new is started: this worker is about to leave.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // Every rank checkpoints and ends within `deadline_ms` from now, and reports its end.
  void StopAll(int64_t deadline_ms);
  // Every rank is killed and reports nothing.
  void DropAll();

  // Forgets what has finished, and begins what waits for slots, if they are free now.
  void Advance();
  int64_t NextWake() const;

  // No rank is left that has something to do or to report.
  bool empty() const { return ranks_.empty(); }
  // Nothing at all is left of dropped ranks.
  bool DroppedAreGone() const { return dropped_.empty(); }
  // Ranks that have ended, or were dropped, are not in it.
  std::vector<RankStatus> Inventory() const;
  // Whether a rank has joined or left the inventory since the last call.
  bool TakeChanged();

 private:
  struct Dropped {
    std::unique_ptr<Rank> rank;
    int64_t slots_held_until_ms = 0;
  };

  void Reconcile();
  void Drop(const RankKey& key);
  void Forget();
  // A program of a dropped rank is there and may still need its slots.
  bool SlotsAreHeld() const;
  // Up to `count` GPUs that are ours and that no program uses.
  std::vector<std::string> TakeGpus(int32_t count) const;
  void Refuse(const std::vector<RefusedGpu>& gpus);

  const Rank::Services services_;
  Turn& turn_;
  const std::vector<std::string> gpus_;
  DesiredState desired_;
  std::map<RankKey, std::unique_ptr<Rank>> ranks_;
  std::map<RankKey, Dropped> dropped_;  // until nothing is left of them
  // Ended and reported, but perhaps still in a desired state that is on its way: not to be started
  // again.
  std::set<RankKey> done_;
  bool draining_ = false;
  bool changed_ = false;
};

}  // namespace braid::worker
