// What the core is made of, all of it handed in: tests and simulations step time, dice and faults.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "scheduler/lease.h"
#include "storage/catalog/store.h"

namespace braid::coordinator {

struct Options {
  catalog::Store* store = nullptr;      // outlives the core
  const Clock* clock = nullptr;         // outlives the core
  std::function<double()> uniform;      // random numbers in [0, 1), for backoff
  std::function<std::string()> run_id;  // "r-5f3c9a1b2d4e"
  scheduler::LeaseOptions lease;
  std::string site = "local";  // of the coordinator: its own site's workers are soon missed
  std::string network;  // of the coordinator, as workers name theirs: one of this machine is of
                        // this site
  int64_t cancel_deadline_ms = 30'000;  // a cancelled attempt may take so long to stop
  int64_t drain_deadline_ms = 600'000;  // a drained one, to write its checkpoint
};

}  // namespace braid::coordinator
