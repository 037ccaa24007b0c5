// All ranks of a worker: it compares them with what the coordinator wants, starts, stops and drops
// ranks, and hands out GPUs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/rank.h"

namespace braid::worker {

// Owns all ranks. What the coordinator wants and what this worker has come together in Reconcile,
// after each set of ranks that arrives.
class Ranks {
 public:
  // `worker` is the id of this worker, `gpus` are the UUIDs of the GPUs that it announces, `kept`
  // what an earlier process in its folder did not deliver. The services outlive this.
  Ranks(const Rank::Services& services, std::string worker, std::vector<std::string> gpus,
        const std::vector<KeptRank>& kept);

  // Begins to deliver kept ranks whose coordinator is known; the others wait for the first
  // OnDesired, which names the coordinator. Ranks that were kept for another worker id or another
  // coordinator are not touched: they stay on the disk, and the log says so. To be called once,
  // within the first event.
  void Recover();

  // Makes the ranks match the coordinator's set. The program of a rank that is dropped is killed;
  // ranks that are to start wait until it is gone, for 5 s at most, because they may need its
  // slots.
  void OnDesired(const DesiredState& desired);

  // The rank with this key, also while it is being dropped; null if there is none.
  Rank* Find(const RankKey& key) const;

  // From now on no new rank is started, because the worker is about to leave. A rank that is
  // assigned nevertheless is reported as not started once the coordinator knows that the worker
  // drains, so that it is placed elsewhere.
  void Drain() { draining_ = true; }
  // A heartbeat that says "draining" was sent, so the coordinator knows it.
  void DrainIsKnown() { drain_is_known_ = true; }
  bool draining() const { return draining_; }

  // Every rank is asked to write a checkpoint and to end within `deadline_ms` milliseconds, and
  // reports its end.
  void StopAll(int64_t deadline_ms);
  // Every program is killed and nothing is reported, because the worker ends. What is on the disk
  // stays there for the next process of the worker.
  void AbandonAll();

  // Removes ranks that have finished, and begins ranks that wait for slots if the slots are free.
  void Advance();
  // The earliest time at which Advance has something to do; kNever if there is none.
  int64_t NextWake() const;

  // Whether no rank has anything left to do or to report.
  bool empty() const { return ranks_.empty(); }

  // Whether programs and folders of dropped ranks are gone.
  bool DroppedAreGone() const { return dropped_.empty(); }
  // Whether nothing of an earlier process of this worker is left to deliver.
  bool AllIsDelivered() const { return recovered_.empty(); }

  // The ranks to list in a heartbeat: all but those that were reported or dropped.
  std::vector<RankStatus> Inventory() const;
  // The ranks of an earlier process of this worker of which something is still being delivered.
  std::vector<RankKey> Delivering() const;

  // Whether a rank has joined or left one of the two lists since the last call.
  bool TakeChanged();

 private:
  // A rank without an attempt, whose program may take a moment to die. Its slots are not given out
  // before that, or before it has taken too long.
  struct Dropped {
    std::unique_ptr<Rank> rank;
    int64_t slots_held_until_ms = 0;
  };

  // Starts, stops and drops ranks until this worker has those that `desired_` lists.
  void Reconcile();
  // Begins to deliver, of what waits, what is the coordinator's; sets the rest aside.
  void RecoverOf(const std::string& coordinator);
  void SetAside(const RankKey& key, const std::string& why);
  // Takes the rank out of the inventory. It is to be dropped or abandoned by the caller.
  Rank& MoveToDropped(const RankKey& key);
  // Removes ranks that have finished. One that is wanted again and waited for its predecessor to be
  // gone starts now.
  void Forget();

  // Whether a rank that will be reported as not begun has to wait until the coordinator knows that
  // the worker drains.
  bool MustWaitForDrain(const Rank& rank) const;
  // Whether the program of a dropped rank may still use its slots.
  bool SlotsAreHeld() const;

  // Up to `count` of this worker's GPUs that no program uses.
  std::vector<std::string> TakeGpus(int32_t count) const;
  // Says in the log which of this worker's GPUs belong to another one, when that has changed. That
  // they are not given out is TakeGpus' doing.
  void LogRefusedGpus(const std::vector<RefusedGpu>& gpus);

  const Rank::Services services_;
  Turn& turn_;
  const std::string worker_;
  const std::vector<std::string> gpus_;
  DesiredState desired_;
  std::map<RankKey, std::unique_ptr<Rank>> ranks_;
  // Kept until their programs and folders are gone.
  std::map<RankKey, Dropped> dropped_;
  // Ranks of an earlier process of this worker. The coordinator does not list them among the ranks
  // that it wants.
  std::map<RankKey, std::unique_ptr<Rank>> recovered_;

  // Those of them of which it is not known yet whether they are this coordinator's.
  std::set<RankKey> undecided_;
  // Ranks that are kept for somebody else. Their folders are not to be touched.
  std::map<RankKey, Owner> set_aside_;

  // Ranks that have ended and been reported, as long as the coordinator's set lists them: a set
  // that was sent before the report arrived must not start them again.
  std::set<RankKey> done_;
  bool draining_ = false;
  bool drain_is_known_ = false;
  // All ranks were abandoned, so none is begun or reported any more.
  bool abandoned_ = false;
  bool changed_ = false;
};

}  // namespace braid::worker
