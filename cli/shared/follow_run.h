// Waiting for the coordinator: for the end of a run, and for its own return.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/client/client.h"

namespace braid::cli {

// For calls that outlast a restart of the coordinator.
class Patience {
 public:
  // Waits a moment if `status` says that nobody answers, up to a minute in all. False: give up.
  bool Wait(const Status& status);

 private:
  int64_t since_ms_ = 0;
};

// Follows a run on standard error until it ends, jobs that change state and what those that run are
// at; returns it as it ended. Ctrl-C leaves the run going. A coordinator that is away for more than
// a minute is an error.
Result<v1::Run> FollowRun(Client& client, const std::string& run_id);

}  // namespace braid::cli
