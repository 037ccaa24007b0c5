// The thread that runs a worker: it hands events to the agent, one after another, and has the
// effects carried out.
#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"
#include "base/mutex.h"
#include "worker/agent/agent.h"

namespace braid::worker {

// Carries out the effects of an agent, except ArmTimer and Finish, which AgentLoop handles.
class EffectCarrier {
 public:
  virtual ~EffectCarrier() = default;

  // Must return at once. Work that takes time goes to other threads, which post the result as an
  // event.
  virtual void Carry(const Effect& effect) = 0;
};

// Owns the agent, which only the thread of Run touches. Any thread may post.
class AgentLoop final : public EventSink {
 public:
  // `clock` outlives this.
  AgentLoop(const Agent::Options& options, const Clock& clock);

  // Queues an event. Thread-safe; allowed before, during and after Run.
  void Post(Event event) override;

  // Runs until the agent finishes, and returns the status of its Finish. `carrier` outlives the
  // call.
  Status Run(EffectCarrier& carrier);

 private:
  // Waits for an event or for the timer.
  Event Next();

  const Clock& clock_;
  Agent agent_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Event> events_ BRAID_GUARDED_BY(mutex_);
  // When the timer is due; touched by Run's thread alone. 0, so that the first event comes at once.
  int64_t timer_ms_ = 0;
};

}  // namespace braid::worker
