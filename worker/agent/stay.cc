#include "worker/agent/stay.h"

#include <algorithm>

namespace braid::worker {
namespace {

// The last two minutes of a stay are for handing back: a checkpoint, its transfer, the reports.
constexpr int64_t kHandBackMs = 120'000;
// In the minute before them no job is taken: it would hardly have begun when it is handed back.
constexpr int64_t kTooShortMs = 60'000;
// Of a short stay, neither takes more than a quarter.
constexpr int64_t kPartOfStay = 4;
// A tenth of the time for handing back is for ending the worker's own process.
constexpr int64_t kPartForTheEnd = 10;

std::string Seconds(int64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

Stay::Stay(const StayLimits& limits, int64_t now_ms) : limits_(limits), idle_since_ms_(now_ms) {
  if (limits.max_time_ms == kNever) return;
  const int64_t part_ms = limits.max_time_ms / kPartOfStay;
  end_ms_ = now_ms + limits.max_time_ms;
  leave_ms_ = end_ms_ - std::min(kHandBackMs, part_ms);
  last_work_ms_ = leave_ms_ - std::min(kTooShortMs, part_ms);
}

void Stay::Observe(bool busy, int64_t now_ms) {
  if (busy || busy_) idle_since_ms_ = now_ms;
  busy_ = busy;
}

bool Stay::IsIdle(int64_t now_ms) const {
  return !busy_ && limits_.until_idle_ms != kNever &&
         now_ms - idle_since_ms_ >= limits_.until_idle_ms;
}

Stay::Stage Stay::StageAt(int64_t now_ms) const {
  if (now_ms >= leave_ms_ || IsIdle(now_ms)) return Stage::kLeave;
  if (now_ms < last_work_ms_) return Stage::kOpen;
  // It takes nothing any more, so nothing is waited for.
  return busy_ ? Stage::kLastWork : Stage::kLeave;
}

int64_t Stay::NextWake(int64_t now_ms) const {
  int64_t wake = kNever;
  for (const int64_t at_ms : {last_work_ms_, leave_ms_}) {
    if (at_ms > now_ms) wake = std::min(wake, at_ms);
  }
  if (!busy_ && limits_.until_idle_ms != kNever) {
    const int64_t idle_ms = idle_since_ms_ + limits_.until_idle_ms;
    if (idle_ms > now_ms) wake = std::min(wake, idle_ms);
  }
  return wake;
}

int64_t Stay::LeaveWithinMs(int64_t now_ms) const {
  int64_t within_ms = kHandBackMs - kHandBackMs / kPartForTheEnd;
  if (end_ms_ != kNever) {
    const int64_t left_ms = std::max<int64_t>(end_ms_ - now_ms, 0);
    within_ms = std::min(within_ms, left_ms - left_ms / kPartForTheEnd);
  }
  return within_ms;
}

std::string Stay::Why(int64_t now_ms) const {
  if (IsIdle(now_ms))
    return "it has had nothing to do for " + Seconds(limits_.until_idle_ms) + " (--until-idle)";
  return "its time of " + Seconds(limits_.max_time_ms) + " is nearly up (--max-time)";
}

}  // namespace braid::worker
