// Preemption: which running jobs are stopped, with a checkpoint, so that a job of a run with a
// higher priority can run. Only where it really lets that job run, and never jobs of an equal or
// higher priority.
//
// Nothing is remembered from pass to pass: attempts that are being stopped have slots that will be
// free soon, and jobs are given those first, in the order of the pass. So nobody is stopped for a
// job for which others are being stopped already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/reach.h"
#include "scheduler/snapshot.h"

namespace braid::scheduler {

// At most so many attempts are stopped in one pass, unless one job alone needs more; the next pass
// goes on. It bounds the time of a pass over a large cluster.
inline constexpr int64_t kMostStopsInAPass = 100;

// Slots and memory of running jobs that a job of some priority may get: a bound on how many jobs a
// pass can make room for.
class PreemptibleSlots {
 public:
  explicit PreemptibleSlots(const std::vector<RunningView>& running);
  // At most so many jobs with these demands and of this priority can be given room in one pass.
  int64_t MostJobs(const task::Requirements& job, int64_t priority) const;

 private:
  struct Amounts {
    int64_t slots = 0;
    // Of ranks that say how much they need, and how many those are.
    int64_t memory_bytes = 0;
    int64_t ranks_with_memory = 0;
  };
  static int64_t JobsFor(const Amounts& amounts, Device device, const task::Requirements& job);

  std::optional<int64_t> lowest_;
  // By device: of attempts that are being stopped; and of others, by priority.
  std::map<Device, Amounts> stopping_;
  std::map<Device, std::map<int64_t, Amounts>> running_;
};

// Room that is made for a job.
struct Preemption {
  // The worker of each rank, where the job is to run once what is being stopped there has ended.
  std::vector<size_t> workers;
  // What is to be stopped for it, as indices into Snapshot::running; empty: what is being stopped
  // already is enough.
  std::vector<size_t> stop;
  // What it waits for, for people.
  std::string waits_for;
};

// The preemptions of one pass. Not thread-safe.
class Preemptor {
 public:
  // The snapshot must outlive this object; of its workers the state at the beginning is used.
  explicit Preemptor(const Snapshot& snapshot);

  // Records that the job has got slots on these workers, one for each rank.
  void Take(const JobView& job, const std::vector<size_t>& workers);

  // Makes room for a job that cannot be placed now, with as little loss as possible, and keeps it
  // for the job in this pass. Workers in `reserved` are left alone. Nullopt if the job may stop
  // nothing, or if it could not run even so; and while workers are still coming back after the
  // start of the coordinator, unless what is being stopped already is enough.
  //
  // Of the places (one worker; for a gang one host or, if none is enough, several) it takes the one
  // where the highest priority that is stopped is lowest; of those the one where the fewest slots
  // are taken away; then the fewest attempts; then those that were stopped least often before; then
  // the one where the least work is lost. Within a place it stops those of lower priority first,
  // then in that order those with fewer slots beyond the job's, that were stopped less often, and
  // that lose less; and none without which the job would fit, too.
  std::optional<Preemption> MakeRoom(const JobView& job, const std::set<size_t>& reserved);

 private:
  // Running attempts, as positions in `order_`.
  using Positions = std::vector<size_t>;

  void Free(size_t running, int64_t times);
  void FreeAll(const Positions& stop, int64_t times);
  bool MayStop(size_t running, const JobView& job) const;
  bool FitsOn(const std::vector<size_t>& workers, const JobView& job) const;
  std::vector<Candidate> GroupFor(const JobView& job, const std::set<size_t>& reserved) const;
  Positions MayStopOn(const std::vector<size_t>& workers, const JobView& job) const;
  template <class Fits>
  Positions Enough(const Positions& may_stop, const Fits& fits);
  template <class Fits>
  Positions Needed(Positions stop, const Fits& fits);
  Positions InOnePlace(const JobView& job, const std::set<size_t>& reserved);
  Positions AcrossHosts(const JobView& job, const std::set<size_t>& reserved);
  std::string WaitsFor(const JobView& job, const std::vector<size_t>& workers) const;

  const std::vector<RunningView>& running_;
  // The workers as they will be when everything has ended that is being stopped, and the jobs that
  // have had their turn hold their slots. Empty if nothing runs.
  std::vector<WorkerView> later_;
  std::vector<bool> stopping_;
  // New stops are allowed.
  bool may_stop_ = true;
  // All that runs, what is stopped first in front, their slots apart; and what has a rank on each
  // worker, as positions in it.
  std::vector<size_t> order_;
  std::vector<Positions> on_;
  int64_t lowest_priority_ = 0;
  int64_t stops_ = 0;
};

}  // namespace braid::scheduler
