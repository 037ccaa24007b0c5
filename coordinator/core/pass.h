// The scheduling pass over the state, and what follows from it for each worker.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Grants what the policies grant and notes why the rest waits.
void SchedulePass(Transaction& tx);

// Whether workers that hold leases from before the coordinator's start are still expected.
bool Recovering(const State& state, const Options& options, int64_t now_ms);

// What each connected worker should be running, where that changed since it was told: versions
// rise, attempts that are told to stop for the first time remember it. The caller pushes after the
// commit.
struct Push {
  std::shared_ptr<SessionSink> sink;
  std::shared_ptr<const Desired> desired;
};
std::vector<Push> DesiredChanges(State& state, const Options& options);

}  // namespace braid::coordinator
