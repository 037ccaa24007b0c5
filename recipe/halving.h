// The rungs of a sweep by successive halving. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "spec/sweep.h"

namespace braid::recipe {

// A part of the trainings: where it ends, and how many trials are in it.
struct PlannedRung {
  // Of all steps of a training, from its beginning; 1 for the last one.
  double share = 1;
  int64_t trials = 0;
};

// All rungs, the last one with whole trainings. From each, the best one of `eta` trials goes on
// (the number is rounded down, to one at least). kInvalidArgument if `sweep.rungs` is more than
// what leaves one trial. REQUIRES: trials >= 2.
Result<std::vector<PlannedRung>> PlanRungs(const spec::RecipeSweep& sweep, int64_t trials);

}  // namespace braid::recipe
