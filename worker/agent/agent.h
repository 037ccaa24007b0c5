// All decisions of a worker as one state machine: an event and the time go in, effects come out.
// The agent has no thread, reads no clock, and opens no file or socket. Tests, and a simulator of
// many workers with their coordinator, therefore run it step by step. worker/loop.h feeds it on a
// real machine.
//
// Its parts (session, calls, blob moves, fetches, ranks) share one Turn, which holds the time of
// the present event and collects the effects. Not thread-safe: Handle is called from one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/effect.h"
#include "worker/agent/event.h"
#include "worker/agent/fetch.h"
#include "worker/agent/ranks.h"
#include "worker/agent/reach.h"
#include "worker/agent/session.h"
#include "worker/agent/stay.h"

namespace braid::worker {

// The agent of one worker process.
class Agent {
 public:
  // What the agent needs to know of its process.
  struct Options {
    // Unique for each process of the worker. It also names the random streams from which pauses are
    // drawn, so that a test with a fixed id is reproducible.
    std::string boot_id;
    // UUIDs of the GPUs that the worker announces.
    std::vector<std::string> gpus;
    // What an earlier process in this worker's folder did not deliver.
    std::vector<KeptRank> kept;
    // The id of this worker.
    std::string worker;
    // How large the cache may become.
    uint64_t cache_limit_bytes = std::numeric_limits<uint64_t>::max();
    // When the worker leaves by itself.
    StayLimits stay = {};
    // The worker does not come back under its id: it reports its end to the coordinator, which then
    // removes it.
    bool ephemeral = false;
  };

  // `now_ms`, here and below, is the monotonic clock in milliseconds. The first event should be
  // TimerFired, which makes the agent dial.
  Agent(const Options& options, int64_t now_ms);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Returns what is to be done now, to be carried out in this order. Timers that are due at
  // `now_ms` take effect whatever the event is. After Finish was returned, later calls return
  // nothing. REQUIRES: `now_ms` never decreases.
  Effects Handle(const Event& event, int64_t now_ms);

  // Whether the effect Finish was returned.
  bool finished() const { return finished_; }
  // True if no work is on its way and no rank is left, so that nothing can happen by itself but
  // heartbeats and dialling.
  bool idle() const;

 private:
  // One for each kind of event: what it means to the parts. Deadlines are left to Advance.
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

  // A process works for one coordinator: it ends when another one answers.
  Status CheckCoordinator(const std::string& coordinator);
  // Does everything that is due at the present time. Part of every event.
  void Advance();
  // Takes no more work, or leaves, when it is time (Stay).
  void AdvanceStay();
  // Begins to stop, or hurries if the worker stops already and has less time now. `why` is shown to
  // users, in the log and in events.
  void Leave(const std::string& why, int64_t within_ms);
  // Takes the next step of a stop that was requested, when it is due.
  void AdvanceStop();
  // All is handed back, or there is no time left: ends, after an ephemeral worker has said so.
  void FinishStop();
  bool says_goodbye() const { return goodbye_by_ms_ != kNever; }

  // Kills the programs that run. The worker finishes with `status` when they are gone, or kEndMs
  // later.
  void End(const Status& status);
  // Asks for the timer at NextWake(), unless it is set to that already.
  void ArmTimerIfChanged();
  // The earliest time at which Advance has something to do, or kNever.
  int64_t NextWake() const;

  // The event that is being handled.
  Turn turn_;
  Session session_;
  Calls calls_;
  Cache cached_;
  BlobMoves moves_;
  Fetches fetches_;
  Ranks ranks_;
  Reach reach_;
  Stay stay_;
  const bool ephemeral_;

  // A stop takes two steps: until `stop_step_ms_` the agent waits for the coordinator to learn that
  // the worker drains. Then the ranks are asked to stop, and `stop_step_ms_` becomes the time by
  // which all of them must have delivered their results, `stop_within_ms_` later.
  bool stop_requested_ = false;
  bool stop_all_sent_ = false;
  int64_t stop_step_ms_ = kNever;
  int64_t stop_within_ms_ = kStopWithinMs;
  // A third step of an ephemeral worker: until then it waits for the coordinator to take note that
  // it leaves. kNever before that.
  int64_t goodbye_by_ms_ = kNever;

  // What the worker finishes with, once that is decided, and until when it waits for programs to be
  // gone.
  std::optional<Status> ending_;
  int64_t ending_by_ms_ = kNever;
  bool finished_ = false;
  // Time of the newest ArmTimer.
  int64_t armed_ms_ = kNever;
  // The first event has come, and with it what is done once.
  bool started_ = false;
  // The id of the coordinator that this process works for; empty until it has said so.
  std::string coordinator_;
  // Cache::version() and Reach::version() for which a heartbeat was last requested.
  int64_t cached_version_ = 0;
  int64_t reach_version_ = 1;
};

}  // namespace braid::worker
