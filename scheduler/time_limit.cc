#include "scheduler/time_limit.h"

#include <algorithm>

namespace braid::scheduler {

int64_t TimeIsUpAtMs(int64_t limit_s, const std::vector<Held>& before, int64_t since_ms) {
  constexpr int64_t kNever = INT64_MAX;
  if (limit_s <= 0 || limit_s > (kNever - since_ms) / 1000) return kNever;
  int64_t left_ms = limit_s * 1000;
  for (const Held& held : before) left_ms -= std::max<int64_t>(0, held.end_ms - held.begin_ms);
  return since_ms + std::max<int64_t>(0, left_ms);
}

}  // namespace braid::scheduler
