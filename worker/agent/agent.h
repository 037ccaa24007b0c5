// The worker's decisions, all of them, as one state machine: an event and the time go in, effects
// come out. It has no thread, reads no clock, opens no file and no socket, so that tests, and a
// simulator of many workers with their coordinator, run it step by step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/effect.h"
#include "worker/agent/event.h"
#include "worker/agent/fetch.h"
#include "worker/agent/ranks.h"
#include "worker/agent/session.h"

namespace braid::worker {

class Agent {
 public:
  struct Options {
    std::string boot_id;            // of this life of the worker; names its random draws
    std::vector<std::string> gpus;  // UUIDs of the GPUs that it announces
  };

  // `now_ms` here and below is the monotonic clock. TimerFired is its first event.
  Agent(const Options& options, int64_t now_ms);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // What is to be done now, in this order. Times that have come by `now_ms` are seen whatever the
  // event is. After Finish nothing is.
  Effects Handle(const Event& event, int64_t now_ms);

  bool finished() const { return finished_; }
  // Nothing is on its way and no rank is left; all that may come is a heartbeat or a dial.
  bool idle() const;

 private:
  void On(const SessionOpened& event);
  void On(const SessionClosed& event);
  void On(const SignalSent& event);
  void On(const DesiredArrived& event);
  void On(const TimerFired& event);
  void On(const StopRequested& event);
  void On(const Done& event);
  void On(const ProgramStarted& event);
  void On(const ProgramSaid& event);
  void On(const ProgramEnded& event);

  // Everything that is due, whatever the event was.
  void Advance();
  void AdvanceStop();
  // Kills what runs; the worker finishes with `status` when it is gone.
  void End(const Status& status);
  void ArmTimerIfChanged();
  int64_t NextWake() const;

  Turn turn_;  // the event that is being handled
  Session session_;
  Calls calls_;
  CachedArtifacts cached_;
  BlobMoves moves_;
  Fetches fetches_;
  Ranks ranks_;
  // Of a stop that was requested: until when the coordinator is to hear of it, then until when
  // ranks may take.
  bool stop_requested_ = false;
  bool stop_all_sent_ = false;
  int64_t stop_step_ms_ = kNever;
  // The end: what to finish with, and until when programs are waited for.
  std::optional<Status> ending_;
  int64_t ending_by_ms_ = kNever;
  bool finished_ = false;
  int64_t armed_ms_ = kNever;
  bool started_ = false;
  int64_t cached_version_ = 0;  // that a signal was asked for
};

}  // namespace braid::worker
