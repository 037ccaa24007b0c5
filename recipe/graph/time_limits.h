// How long a run and its jobs may take: `max_duration` of a recipe.
#pragma once

#include "recipe/graph/dag.h"
#include "spec/max_duration.h"

namespace braid::recipe {

// Sets `max_duration_s` of the run and of each of its jobs.
void SetTimeLimits(const spec::MaxDuration& limits, Dag* dag);

}  // namespace braid::recipe
