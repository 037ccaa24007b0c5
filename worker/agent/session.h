// The decisions about the session with the coordinator: when to dial, what to say and when, how
// long to wait after a failure, and when the worker counts as isolated. Pure, as all of agent/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.h"
#include "worker/agent/backoff.h"
#include "worker/agent/cached_artifacts.h"
#include "worker/agent/effect.h"
#include "worker/agent/event.h"
#include "worker/agent/turn.h"

namespace braid::worker {

class Session {
 public:
  // The times between tries are drawn from a stream that `boot_id` names. Dials at `now_ms`.
  Session(const std::string& boot_id, int64_t now_ms);

  // Dials if it is time to.
  void Advance(int64_t now_ms, Effects* effects);
  // When Advance, SignalIsDue or IsIsolated will answer otherwise than now.
  int64_t NextWake() const;

  void OnOpened(const SessionOpened& event, int64_t now_ms);
  void OnSent(const SignalSent& event);
  // Returns whether the state is of the session that is open now, and not older than another one
  // that was said on it. If so, `desired` is in the inventory of every signal from now on.
  bool OnDesired(const DesiredArrived& event, int64_t now_ms);
  // Returns why the worker has to end, if it has to: another one has its id (WORKER_REPLACED, or
  // for 20 s on end ALREADY_EXISTS, both kAlreadyExists), or its hello makes no sense
  // (kInvalidArgument). Otherwise it will dial again.
  std::optional<Status> OnClosed(const SessionClosed& event, int64_t now_ms, Effects* effects);

  // Something has changed that the coordinator should know before the next heartbeat is due.
  void SignalSoon(int64_t now_ms);
  bool SignalIsDue(int64_t now_ms) const;
  // Says what the worker has: its ranks, and its cached artifacts if they have changed since they
  // were said. REQUIRES: SignalIsDue(now_ms).
  void Send(std::vector<RankStatus> ranks, const CachedArtifacts& cached, bool draining,
            int64_t now_ms, Effects* effects);
  // A signal that said "draining" is on its way, in this session.
  bool draining_announced() const { return draining_announced_; }
  bool is_open() const { return phase_ == Phase::kOpen; }

  // The coordinator has said nothing for longer than it allows; true once for each such silence.
  bool BecomesIsolated(int64_t now_ms);
  // Gives the session up and dials no more.
  void End(Effects* effects);

 private:
  enum class Phase { kWaiting, kOpening, kOpen, kEnded };
  bool IsCurrent(int64_t session) const {
    return session == session_ && (phase_ == Phase::kOpening || phase_ == Phase::kOpen);
  }

  const RandomStream draws_;
  uint64_t tries_ = 0;
  Backoff backoff_;
  Phase phase_ = Phase::kWaiting;
  int64_t session_ = 0;     // number of the newest one
  int64_t dial_at_ms_;      // while waiting
  int64_t contact_ms_;      // when the coordinator last said something
  bool contacted_ = false;  // in this session
  bool isolated_ = false;   // since contact_ms_
  int64_t refused_since_ms_ = kNever;
  int64_t heartbeat_interval_ms_;
  int64_t isolation_timeout_ms_;
  // Of the open session:
  bool hello_said_ = false;
  bool sending_ = false;
  int64_t cached_version_ = 0;  // that was said
  bool draining_announced_ = false;
  int64_t applied_version_ = 0;
  int64_t signal_at_ms_ = kNever;
  int64_t last_signal_ms_ = 0;
};

}  // namespace braid::worker
