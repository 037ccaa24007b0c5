// The demand of waiting jobs for workers, as the coordinator reports it to the agents of pools.
#pragma once

#include <cstdint>
#include <string>

#include "task/requirements.h"

namespace braid::task {

// A group of jobs with equal requirements that wait because no worker, or no free one, matches them
// (Demand of the API).
struct Demand {
  Requirements requirements;
  // How many jobs wait.
  int64_t jobs = 0;
  // Why the first of them waits: the name of a scheduler::Reason, for people.
  std::string reason;
  // The id of its run.
  std::string run;
  bool operator==(const Demand&) const = default;
};

}  // namespace braid::task
