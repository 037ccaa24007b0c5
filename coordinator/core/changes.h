// What has changed since the core's loop last looked, so that a step costs as much as what it
// changes, and not as much as all that there is. Kept by State and by transactions as they change
// something. All of it says only where to look: looking once too often does no harm.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "task/keys.h"

namespace braid::coordinator {

struct Changes {
  // What the next WatchWorkers has to look at: workers that said something, or of which something
  // is due; attempts that were told something, or of which something was told.
  std::set<std::string> workers;
  std::set<task::AttemptKey> attempts;
  // Workers that may have to be told something else (DesiredChanges).
  std::set<std::string> desired;
  // Something on which grants and the reasons of waiting jobs depend: a job was queued, a slot is
  // free, a worker came, went or changed.
  bool scheduling = true;
  // Something on which it depends who tries to reach whom (NamePeers), or who has which GPU
  // (ClaimFreedGpus).
  bool peers = true;
  bool gpus = true;
  // All workers and attempts are to be watched, or told.
  bool all_watched = true;
  bool all_desired = true;

  // After changes were taken back, say.
  void MarkAll() { scheduling = peers = gpus = all_watched = all_desired = true; }
};

// What the last scheduling pass found, as far as it says when the next one is due.
struct LastPass {
  // The coordinator had just started, and workers were still coming back.
  bool recovering = false;
  // The earliest wall-clock time at which a job may be tried again; 0: none waits for a time.
  int64_t again_wall_ms = 0;
  // Monotonic: no pass before. A pass that took long is followed by a pause.
  int64_t next_ms = 0;
};

}  // namespace braid::coordinator
