// All ranks of a worker: which to start, to stop and to drop, and which GPUs each may see.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/effect.h"
#include "worker/agent/event.h"

namespace braid::worker {

class Ranks {
 public:
  // `gpus`: UUIDs of the GPUs that this worker announces.
  explicit Ranks(std::vector<std::string> gpus) : gpus_(std::move(gpus)) {}

  // Makes the ranks match. A rank that is dropped is killed; those that start wait until its
  // program is gone, 5 s at most, as they may need its slots.
  void OnDesired(const DesiredState& desired, int64_t now_ms, Effects* effects);
  void OnProgressed(const RankProgressed& event);
  void OnProgramGone(const RankProgramGone& event);
  void OnFinished(const RankFinished& event, int64_t now_ms, Effects* effects);

  // From now on nothing new is started: this worker is about to leave.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // Every rank checkpoints and ends within `deadline_ms` from now, and reports its end.
  void StopAll(int64_t deadline_ms, Effects* effects);
  // Every rank is killed and reports nothing.
  void DropAll(int64_t now_ms, Effects* effects);

  // Starts what waits for slots, if they are free now.
  void Advance(int64_t now_ms, Effects* effects);
  int64_t NextWake() const;

  // No rank is left that has something to do or to report.
  bool empty() const { return ranks_.empty(); }
  // No program of a dropped rank is left.
  bool DroppedProgramsAreGone() const;
  // Ranks that have ended, or were dropped, are not in it.
  std::vector<RankStatus> Inventory() const;
  // Whether a rank has joined or left the inventory since the last call.
  bool TakeChanged();

 private:
  struct Held {
    Assignment assignment;
    std::vector<std::string> gpus;
    RankProgress progress;
    bool begun = false;
    bool stopping = false;
    bool program_gone = false;
    int64_t slots_held_until_ms = 0;  // of one that was dropped
  };

  void Reconcile(int64_t now_ms, Effects* effects);
  void Drop(const RankKey& key, int64_t now_ms, Effects* effects);
  static void Stop(Held& rank, int64_t deadline_ms, Effects* effects);
  // Up to `count` GPUs that are ours and that no program uses.
  std::vector<std::string> TakeGpus(int32_t count) const;
  void Refuse(const std::vector<RefusedGpu>& gpus, Effects* effects);

  const std::vector<std::string> gpus_;
  DesiredState desired_;
  std::map<RankKey, Held> ranks_;
  std::map<RankKey, Held> dropped_;  // until nothing is left of them
  // Ended and reported, but perhaps still in a desired state that is on its way: not to be started
  // again.
  std::set<RankKey> done_;
  bool draining_ = false;
  bool changed_ = false;
};

}  // namespace braid::worker
