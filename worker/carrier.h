// Carries the agent's effects out on this machine.
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

class MachineCarrier final : public EffectCarrier {
 public:
  // All of them outlive it.
  MachineCarrier(SessionLink& session, ProgramRunner& programs, MachineWork& work,
                 EventSink& events);
  // Ends transfers, and waits for all work that is under way.
  ~MachineCarrier() override;

  void Carry(const Effect& effect) override;

 private:
  void On(const OpenSession& effect) { session_.Open(effect.session); }
  void On(const SendSignal& effect) { session_.Send(effect.session, effect.signal); }
  void On(const CloseSession& effect) { session_.Close(effect.session); }
  void On(const LogLine& effect) { Log(effect.level, effect.who, effect.text); }
  void On(const Do& effect);
  void On(const CancelWork& effect);
  void On(const StartProgram& effect) { programs_.Start(effect); }
  void On(const TellProgram& effect) { programs_.Tell(effect); }
  void On(const KillProgram& effect) { programs_.Kill(effect.key); }
  void On(const ArmTimer&) {}
  void On(const Finish&) {}

  SessionLink& session_;
  ProgramRunner& programs_;
  MachineWork& work_;
  EventSink& events_;
  Mutex mutex_;
  std::map<int64_t, std::shared_ptr<StopSignal>> stops_ BRAID_GUARDED_BY(mutex_);  // by id of Do
  // Last, so that they are waited for first. Whoever moves bytes does not hold up who has a word to
  // say.
  ThreadPool calls_, bulk_;
};

}  // namespace braid::worker
