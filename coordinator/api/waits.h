// Calls with one answer that may have to wait for it: a rendezvous key of a gang, or the end of a
// run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/changes.h"
#include "coordinator/waiting/turn.h"

namespace braid::coordinator {

// Waits for a key of a gang's rendezvous: at most `timeout_ms`, and not longer than a minute.
class KeyWait final : public std::enable_shared_from_this<KeyWait> {
 public:
  // Called once, in any thread: with the value; kAborted (STALE_LEASE) for an attempt that is not
  // live; kDeadlineExceeded; kUnavailable when the coordinator stops.
  using Done = std::function<void(Result<std::string>)>;
  // `allowed` is called in the core's thread and may refuse the wait; null: it is allowed.
  static std::shared_ptr<KeyWait> Start(Backend* backend, const RankKey& rank,
                                        const std::string& key, int64_t timeout_ms, Done done,
                                        std::function<Status(const State&)> allowed = nullptr);
  // Nobody wants the answer any more: `done` gets kCancelled, unless it was called.
  void Cancel();

 private:
  KeyWait(Backend* backend, RankKey rank, std::string key, int64_t timeout_ms, Done done)
      : backend_(backend),
        rank_(std::move(rank)),
        key_(std::move(key)),
        timeout_ms_(timeout_ms),
        done_(std::move(done)) {}
  // The attempt is live: asks the table for the key, and sets the alarm.
  void Wait();
  // Calls `done` unless it was called, and cancels alarm and waiter.
  void Finish(Result<std::string> value);

  Backend* const backend_;
  const RankKey rank_;
  const std::string key_;
  const int64_t timeout_ms_;
  Mutex mutex_;
  Done done_ BRAID_GUARDED_BY(mutex_);  // null: called
  Alarms::Id alarm_ BRAID_GUARDED_BY(mutex_) = 0;
  // What is to be taken back when the wait is over; 0: nothing.
  RendezvousTable::WaiterId waiter_ BRAID_GUARDED_BY(mutex_) = 0;
};

// Waits for a run to end: at most `timeout_ms`, and not longer than four minutes; a stop of the
// coordinator ends the wait, too.
class RunWait final : public std::enable_shared_from_this<RunWait> {
 public:
  // `show` is called with the run as it is, in the core's thread and not after `done`; `done` once,
  // in any thread: kNotFound for a run that is not there, otherwise OK.
  static std::shared_ptr<RunWait> Start(Backend* backend, const std::string& run,
                                        int64_t timeout_ms, ShowRun show,
                                        std::function<void(Status)> done);
  // Nobody wants the answer any more: `done` gets kCancelled, unless it was called.
  void Cancel() { End(Cancelled("cancelled")); }

 private:
  RunWait(Backend* backend, std::string run, ShowRun show, std::function<void(Status)> done)
      : backend_(backend), run_(std::move(run)), show_(std::move(show)), done_(std::move(done)) {}
  Wakeups::Wake WakeWeakly();
  // Something happened to the run, or the coordinator stops: looks again.
  void Wake();
  // Asks the core for the run, by who has the turn.
  void Look();
  // The core has answered: the run has ended, or the next wake-up is waited for.
  void Looked(const Status& status);
  // The wait is over, with this status; the run is shown once more if it is OK.
  void End(Status status);
  void Finish();

  Backend* const backend_;
  std::string run_;  // as it was asked for, then an id
  Turn turn_;
  // Touched by who has the turn.
  ShowRun show_;
  bool ended_ = false;
  std::unique_ptr<Wakeups::Subscription> events_;
  std::function<void(Status)> done_;  // null: called

  Mutex mutex_;
  // The run has ended, or End was called, in any thread.
  bool over_ BRAID_GUARDED_BY(mutex_) = false;
  Status why_ BRAID_GUARDED_BY(mutex_);  // of over_
  Alarms::Id alarm_ BRAID_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Wakeups::Subscription> stopping_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
