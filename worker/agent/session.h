// Decisions about the session with the coordinator: when to dial and when to send heartbeats, how
// long to wait after a failure, and when the worker is isolated. Like all of worker/agent, it
// computes effects and does nothing itself.
//
//   kWaiting -> kOpening -> kOpen    OnClosed leads back to kWaiting, End to kEnded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.h"
#include "worker/agent/backoff.h"
#include "worker/agent/cache.h"
#include "worker/agent/effect.h"
#include "worker/agent/event.h"
#include "worker/agent/reach.h"
#include "worker/agent/turn.h"

namespace braid::worker {

// What a heartbeat says about the end of the worker (Signal).
struct Departure {
  bool draining = false;
  bool leaving = false;
};

// A part of the agent, without a clock: each call gets the time of the event.
class Session {
 public:
  // The first dial is due at `now_ms`. Pauses between dials are drawn from a random stream named by
  // `boot_id`.
  Session(const std::string& boot_id, int64_t now_ms);

  // Dials if the pause is over.
  void Advance(int64_t now_ms, Effects* effects);

  // The earliest time at which Advance, SignalIsDue or BecomesIsolated will have another result
  // than now.
  int64_t NextWake() const;

  // The stream is up; the hello is due at once.
  void OnOpened(const SessionOpened& event, int64_t now_ms);
  // The stream has taken the last message: the next may follow.
  void OnSent(const SignalSent& event);

  // Takes a set of ranks from the coordinator, which counts as contact. Returns whether the caller
  // should act on it: it is of the session that is open now and not older than one that was
  // received on it. If so, later heartbeats name its version as applied.
  bool OnDesired(const DesiredArrived& event, int64_t now_ms);

  // Decides what follows the end of a session. Returns the reason if the worker has to end: another
  // worker has its id (kAlreadyExists, at once with WORKER_REPLACED, after 20 s with
  // ALREADY_EXISTS), or its hello is refused (kInvalidArgument). Otherwise it will dial again.
  std::optional<Status> OnClosed(const SessionClosed& event, int64_t now_ms, Effects* effects);

  // Something has changed that the coordinator should know before the next regular heartbeat.
  void SignalSoon(int64_t now_ms);
  // Whether a heartbeat is to be sent now: one message is on its way at a time.
  bool SignalIsDue(int64_t now_ms) const;

  // Sends a heartbeat: the ranks of the worker, those that it still delivers, and its cached
  // artifacts and the peers it reaches if they have changed since the last one of this session.
  // REQUIRES: SignalIsDue(now_ms).
  void Send(std::vector<RankStatus> ranks, std::vector<RankKey> delivering, const Cache& cached,
            const Reach& reach, const Departure& departure, int64_t now_ms, Effects* effects);

  // Whether a heartbeat can be sent.
  bool open() const { return phase_ == Phase::kOpen; }

  // Whether a heartbeat that says "draining" was handed to the present stream.
  bool draining_announced() const { return draining_announced_; }

  // True if the coordinator has been silent for longer than it allows; once for each such silence.
  bool BecomesIsolated(int64_t now_ms);

  // Closes the session and dials no more.
  void End(Effects* effects);

 private:
  enum class Phase { kWaiting, kOpening, kOpen, kEnded };
  // Events of an older session may still come, and mean nothing.
  bool IsCurrent(int64_t session) const {
    return session == session_ && (phase_ == Phase::kOpening || phase_ == Phase::kOpen);
  }

  const RandomStream draws_;
  // Number of pauses drawn so far.
  uint64_t tries_ = 0;
  Backoff backoff_;
  Phase phase_ = Phase::kWaiting;
  // Number of the newest session.
  int64_t session_ = 0;
  // When to dial, in kWaiting.
  int64_t dial_at_ms_;
  // When the coordinator last sent something.
  int64_t contact_ms_;
  // Whether it did in the newest session, which makes the next pause short.
  bool contacted_ = false;
  // Whether the silence since `contact_ms_` was reported by BecomesIsolated.
  bool isolated_ = false;
  // Since when the id is refused as ALREADY_EXISTS; kNever if it is not.
  int64_t refused_since_ms_ = kNever;
  int64_t heartbeat_interval_ms_;
  int64_t isolation_timeout_ms_;

  // The fields below are of the open session.
  bool hello_said_ = false;
  bool sending_ = false;
  // Version of the cached artifacts that were last sent.
  int64_t cached_version_ = 0;
  // The same of the report about peers.
  int64_t reach_version_ = 0;
  bool draining_announced_ = false;
  int64_t applied_version_ = 0;
  int64_t signal_at_ms_ = kNever;
  int64_t last_signal_ms_ = 0;
};

}  // namespace braid::worker
