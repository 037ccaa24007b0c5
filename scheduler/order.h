// Whose turn it is. Between runs: the higher priority first; within it the user who holds the
// smallest share of the cluster now; of one user, and of users who hold the same, the run that was
// submitted first. Within a run: the longest way to its end first.
//
// The share of a user is that of the slots (or, if larger, of the GPUs) of all workers which his
// live leases hold. Leases end, so nobody's share stays large, and who waits with the smallest
// share and the oldest run is next: no run waits without end but for runs of a higher priority.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

class Turns {
 public:
  // `snapshot` outlives it.
  explicit Turns(const Snapshot& snapshot);
  // The next job that is asked, an index into the snapshot's jobs; nothing when all were.
  std::optional<size_t> Next();
  // The job got its slots: from now on its user holds more.
  void Granted(size_t job);

 private:
  struct Line {
    std::vector<size_t> jobs;
    size_t at = 0;
  };
  double ShareOf(const std::string& user) const;
  bool Before(size_t a, size_t b) const;

  const Snapshot& snapshot_;
  Held all_;                                              // slots of all workers
  std::map<std::string, Held> held_;                      // by user
  std::map<int64_t, std::map<std::string, Line>> lines_;  // by priority, highest last, and user
};

}  // namespace braid::scheduler
