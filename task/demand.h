// What waiting jobs demand of workers, as the coordinator tells it to the agents of pools.
#pragma once

#include <cstdint>
#include <string>

#include "task/requirements.h"

namespace braid::task {

// Jobs that wait because there is no worker, or no free one, for them, and that demand the same
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
