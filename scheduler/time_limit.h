// How long a job or a run may take. Times are of the wall clock, in ms: they are those of the
// catalog, so that a restart of the coordinator begins nothing anew.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::scheduler {

// When something had workers.
struct Held {
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
};

// The moment at which `limit_s` seconds are used up: by what was held before, and by
// what is held since `since_ms`. INT64_MAX: never, as for a limit of 0. A clock that was set back
// between a beginning and its end makes that time nothing, and not less.
int64_t TimeIsUpAtMs(int64_t limit_s, const std::vector<Held>& before, int64_t since_ms);

}  // namespace braid::scheduler
