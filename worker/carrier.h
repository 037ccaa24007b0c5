// Carries the agent's effects out on this machine.
#pragma once

#include <map>
#include <memory>

#include "worker/agent/session_link.h"
#include "worker/loop.h"
#include "worker/rank.h"

namespace braid::worker {

class MachineCarrier final : public EffectCarrier {
 public:
  MachineCarrier(SessionLink& session, RankContext context)
      : session_(session), context_(std::move(context)) {}

  void Carry(const Effect& effect) override;

 private:
  void Do(const OpenSession& effect) { session_.Open(effect.session); }
  void Do(const SendSignal& effect) { session_.Send(effect.session, effect.signal); }
  void Do(const CloseSession& effect) { session_.Close(effect.session); }
  void Do(const LogLine& effect) { Log(effect.level, effect.who, effect.text); }
  void Do(const StartRank& effect);
  void Do(const StopRank& effect) { ranks_.at(effect.key)->Stop(effect.deadline_ms); }
  void Do(const DropRank& effect) { ranks_.at(effect.key)->Drop(); }
  void Do(const ForgetRank& effect) { ranks_.erase(effect.key); }
  void Do(const ArmTimer&) {}
  void Do(const Finish&) {}

  SessionLink& session_;
  const RankContext context_;
  std::map<RankKey, std::unique_ptr<Rank>> ranks_;
};

}  // namespace braid::worker
