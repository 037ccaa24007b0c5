// Computes the workers that a pool needs from the waiting jobs, the size of its workers, and the
// workers that exist or have been submitted. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pool/settings.h"
#include "task/demand.h"

namespace braid::pool {

using task::Demand;

// Workers that are asked for together: one for a job of one rank, as many as a gang needs for a
// gang, so that its ranks start together.
struct Allocation {
  int64_t workers = 1;
  std::string run;
  bool operator==(const Allocation&) const = default;
};

// Whether the pool's workers could run the jobs.
bool Serves(const Settings& settings, const Demand& demand);
// Whether they could, but for their memory.
bool LacksMemory(const Settings& settings, const Demand& demand);

// The allocations that would serve the demand if the pool had no workers yet, gangs first.
std::vector<Allocation> AllocationsFor(const Settings& settings,
                                       const std::vector<Demand>& demands);

// An allocation that exists: how many of its workers are not there yet, and how many are there and
// have nothing to do.
struct Supply {
  int64_t coming = 0;
  int64_t idle = 0;
  bool operator==(const Supply&) const = default;
};

// Those of the `wanted` allocations that the existing ones do not serve. A gang must be served by a
// single allocation, of which it takes as many workers as it needs.
std::vector<Allocation> Missing(std::vector<Allocation> wanted, std::vector<Supply> supply);

}  // namespace braid::pool
