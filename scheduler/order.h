// The order in which waiting jobs are offered free slots, by dominant resource fairness (Ghodsi et
// al., 2011). Between runs: the higher priority first; of equal priority, the user with the
// smallest dominant share of the cluster; of users with equal shares, the run that was submitted
// first. Within a run: the job with the longest critical path first.
//
// The dominant share of a user is the part of all CPU slots that the user's live leases hold or, if
// larger, the part of all GPUs. Leases end, so no share stays large, and the user with the smallest
// share and the oldest run is next: no run waits forever except for runs of higher priority.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// One pass over the jobs of a snapshot in that order. Not thread-safe.
class FairOrder {
 public:
  // The snapshot must outlive this object.
  explicit FairOrder(const Snapshot& snapshot);
  // The next job to be offered slots, as an index into the snapshot's jobs; nullopt when every job
  // had its turn.
  std::optional<size_t> Next();
  // Records that the job got its slots, which raises its user's share.
  void Granted(size_t job);

 private:
  // The jobs of one user with one priority, in order, and the next one.
  struct Line {
    std::vector<size_t> jobs;
    size_t at = 0;
  };
  double ShareOf(const std::string& user) const;
  bool Before(size_t a, size_t b) const;

  const Snapshot& snapshot_;
  // The slots of all workers.
  SlotAmounts all_;
  // What each user holds, by name.
  std::map<std::string, SlotAmounts> held_;
  // By priority (the highest is the last) and user.
  std::map<int64_t, std::map<std::string, Line>> lines_;
};

}  // namespace braid::scheduler
