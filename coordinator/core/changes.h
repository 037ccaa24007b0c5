// What has changed since the core's loop last looked, so that a step costs as much as what it
// changes, and not as much as all that there is. Kept by State and by transactions as they change
// something. The entries are hints only: an entry too many costs time and has no other effect.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "task/keys.h"

namespace braid::coordinator {

// The changes since the last step of the loop.
struct Changes {
  // The workers and attempts that the next WatchWorkers has to look at: those that sent a message,
  // have a deadline, or were changed by a decision.
  std::set<std::string> workers;
  std::set<task::AttemptKey> attempts;
  // Workers whose DesiredState may have changed (DesiredChanges).
  std::set<std::string> desired;
  // Something on which grants and the reasons of waiting jobs depend: a job was queued, a slot is
  // free, a worker came, went or changed.
  bool scheduling = true;
  // Something on which the results of NamePeers (`peers`) or ClaimFreedGpus (`gpus`) depend.
  bool peers = true;
  bool gpus = true;
  // All workers and attempts are to be watched (`all_watched`); all DesiredStates are to be
  // computed (`all_desired`).
  bool all_watched = true;
  bool all_desired = true;

  // Marks everything as changed, for example after updates were taken back.
  void MarkAll() { scheduling = peers = gpus = all_watched = all_desired = true; }
};

// The results of the last scheduling pass that decide when the next one is due.
struct LastPass {
  // The coordinator had just started, and workers were still coming back.
  bool recovering = false;
  // The wall-clock times at which the same jobs are in backoff as in that pass: from the first one
  // on, and before the second one. The wall clock may be set back.
  struct WallTimes {
    int64_t from_ms = INT64_MIN;
    int64_t until_ms = INT64_MAX;
  };
  WallTimes same_backoffs;
  // Monotonic: when something that is being stopped has taken too long, and is not waited for any
  // more; 0: nothing is.
  int64_t overdue_ms = 0;
  // Monotonic: no pass before. A pass that took long is followed by a pause.
  int64_t next_ms = 0;
};

}  // namespace braid::coordinator
