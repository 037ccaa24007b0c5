// The thread that runs a worker: hands events to its agent, one after another, and has the effects
// carried out.
#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"
#include "base/mutex.h"
#include "worker/agent/agent.h"

namespace braid::worker {

// Carries effects out. ArmTimer and Finish are the loop's own and never come here.
class EffectCarrier {
 public:
  virtual ~EffectCarrier() = default;
  // Must not wait; what takes time goes to other threads, which post its result.
  virtual void Carry(const Effect& effect) = 0;
};

class AgentLoop final : public EventSink {
 public:
  AgentLoop(const Agent::Options& options, const Clock& clock);

  // From any thread, before, during and after Run.
  void Post(Event event) override;
  // Runs until the agent finishes, and returns with what.
  Status Run(EffectCarrier& carrier);

 private:
  Event Next();

  const Clock& clock_;
  Agent agent_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Event> events_ BRAID_GUARDED_BY(mutex_);
  int64_t timer_ms_ = 0;  // of Run's thread; the first event comes at once
};

}  // namespace braid::worker
