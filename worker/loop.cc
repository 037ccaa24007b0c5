#include "worker/loop.h"

#include <utility>

namespace braid::worker {

AgentLoop::AgentLoop(const Agent::Options& options, const Clock& clock)
    : clock_(clock), agent_(options, clock.MonotonicMs()) {}

void AgentLoop::Post(Event event) {
  MutexLock lock(mutex_);
  events_.push_back(std::move(event));
  changed_.NotifyAll();
}

Status AgentLoop::Run(EffectCarrier& carrier) {
  while (true) {
    const Event event = Next();
    for (const Effect& effect : agent_.Handle(event, clock_.MonotonicMs())) {
      if (const auto* timer = std::get_if<ArmTimer>(&effect)) {
        timer_ms_ = timer->at_ms;
      } else if (const auto* finish = std::get_if<Finish>(&effect)) {
        return finish->status;
      } else {
        carrier.Carry(effect);
      }
    }
  }
}

Event AgentLoop::Next() {
  MutexLock lock(mutex_);
  while (events_.empty()) {
    const int64_t now_ms = clock_.MonotonicMs();
    if (now_ms >= timer_ms_) {
      timer_ms_ = kNever;
      return TimerFired{};
    }
    if (timer_ms_ == kNever) {
      changed_.Wait(mutex_);
    } else {
      changed_.WaitFor(mutex_, timer_ms_ - now_ms);
    }
  }
  // Events come before the timer; Agent::Handle does what is due in either case.
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace braid::worker
