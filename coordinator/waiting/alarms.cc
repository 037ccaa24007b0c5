#include "coordinator/waiting/alarms.h"

#include <algorithm>

namespace braid::coordinator {
namespace {

// How long the thread sleeps at most; a new earlier alarm wakes it in any case.
constexpr int64_t kLongestSleepMs = 60'000;

}  // namespace

void Alarms::Start() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] { Run(); });
}

void Alarms::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    due_.clear();
    when_.clear();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

Alarms::Id Alarms::After(int64_t delay_ms, std::function<void()> ring) {
  const int64_t at_ms = clock_->MonotonicMs() + std::max<int64_t>(delay_ms, 0);
  MutexLock lock(mutex_);
  const Id id = ++last_id_;
  if (stop_) return id;
  due_[{at_ms, id}] = std::move(ring);
  when_[id] = at_ms;
  if (due_.begin()->first.second == id) changed_.NotifyAll();
  return id;
}

void Alarms::Cancel(Id id) {
  std::function<void()> dropped;  // ends outside of the lock: it may own what cancels others
  MutexLock lock(mutex_);
  const auto when = when_.find(id);
  if (when == when_.end()) return;
  const auto due = due_.find({when->second, id});
  dropped = std::move(due->second);
  due_.erase(due);
  when_.erase(when);
}

void Alarms::RingDue() {
  while (true) {
    std::function<void()> ring;
    {
      MutexLock lock(mutex_);
      if (due_.empty() || due_.begin()->first.first > clock_->MonotonicMs()) return;
      ring = std::move(due_.begin()->second);
      when_.erase(due_.begin()->first.second);
      due_.erase(due_.begin());
    }
    ring();
  }
}

int64_t Alarms::DelayLocked() const {
  if (due_.empty()) return kLongestSleepMs;
  return std::clamp<int64_t>(due_.begin()->first.first - clock_->MonotonicMs(), 0, kLongestSleepMs);
}

void Alarms::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stop_) return;
      if (const int64_t delay_ms = DelayLocked(); delay_ms > 0)
        (void)changed_.WaitFor(mutex_, delay_ms);
      if (stop_) return;
    }
    RingDue();
  }
}

}  // namespace braid::coordinator
