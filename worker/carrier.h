// Carries the agent's effects out on this machine: sessions and programs go to their
// implementations, pieces of work to pools of threads.
#pragma once

#include <map>
#include <memory>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "worker/agent/program_runner.h"
#include "worker/agent/session_link.h"
#include "worker/io/machine_work.h"
#include "worker/io/stop_signal.h"
#include "worker/loop.h"

namespace braid::worker {

// Called from the loop's thread alone; what it starts posts events from others. It decides nothing:
// an effect that fails becomes an event with its error.
class MachineCarrier final : public EffectCarrier {
 public:
  // All that is referred to outlives this. `spans` is null if nobody wants them.
  MachineCarrier(SessionLink& session, ProgramRunner& programs, MachineWork& work,
                 EventSink& events, trace::SpanSink* spans);

  // Asks transfers to end early, and waits for all work that is under way.
  ~MachineCarrier() override;

  void Carry(const Effect& effect) override;

 private:
  void On(const OpenSession& effect) { session_.Open(effect.session); }
  void On(const SendSignal& effect) { session_.Send(effect.session, effect.signal); }
  void On(const CloseSession& effect) { session_.Close(effect.session); }
  void On(const LogLine& effect) { Log(effect.level, effect.who, effect.text, effect.subject); }
  // Runs the work in a pool and posts Done. The StopSignal is kept, for CancelWork, until the work
  // has ended.
  void On(const Do& effect);
  void On(const CancelWork& effect);
  void On(const StartProgram& effect) { programs_.Start(effect); }
  void On(const TellProgram& effect) { programs_.Tell(effect); }
  void On(const KillProgram& effect) { programs_.Kill(effect.key); }
  void On(const SpanEnded& effect);
  // AgentLoop handles the next two itself.
  void On(const ArmTimer&) {}
  void On(const Finish&) {}

  SessionLink& session_;
  ProgramRunner& programs_;
  MachineWork& work_;
  EventSink& events_;
  trace::SpanSink* const spans_;
  Mutex mutex_;
  // By id of the Do that is under way.
  std::map<int64_t, std::shared_ptr<StopSignal>> stops_ BRAID_GUARDED_BY(mutex_);

  // Transfers have a pool of their own, so that they do not delay short calls such as the report of
  // an end. The pools are the last members: they are destroyed first, while the rest of the object
  // still serves their threads.
  ThreadPool calls_, bulk_;
};

}  // namespace braid::worker
