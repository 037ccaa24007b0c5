// The one loop that owns the coordinator's state: decide, commit, apply, answer.
//
//   requests -> Post() -> [ queue ] -> Step(): all that waits is one batch
//       decide    each command's decision adds updates to the batch; then workers are watched and jobs scheduled
//       commit    the whole batch is one transaction of the store
//       answer    callers wake up, DesiredStates leave, watchers see new events
//
// Nothing is answered before it is durable. If the store is full the batch is undone in memory too (the image is loaded again)
// and every caller gets STORAGE_FULL; any other error of the store is fatal. No locks in the state: only Step() touches it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/core/options.h"
#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

struct Command {
  // Exactly one of the two. `decide` runs before the commit and may add updates, also if it then fails (it must not);
  // `read` runs after it.
  std::function<Status(Transaction&)> decide;
  std::function<void(const State&)> read;
  // Called once, when all is durable, or with the error.
  std::function<void(Status)> answer;
};

// What the loop did, for /metrics.
struct CoreCounters {
  int64_t batches = 0;
  int64_t commands = 0;
  int64_t updates = 0;
  int64_t commits_failed = 0;
  double commit_seconds = 0;
};

class Core {
 public:
  // Loads the image.
  static Result<std::unique_ptr<Core>> Create(const Options& options);

  // Thread-safe.
  void Post(Command command);
  // Posts and waits. REQUIRES: another thread runs Run().
  Status Do(std::function<Status(Transaction&)> decide);
  void Read(std::function<void(const State&)> read);
  // Waits until an event after `seq` is durable or the time is over; returns the newest durable seq. Thread-safe.
  int64_t WaitForEvents(int64_t seq, int64_t timeout_ms);
  CoreCounters counters();

  // Batches until Stop(), then answers what is left. A fatal error of the store is returned.
  Status Run();
  void Stop();

  // One batch, also an empty one (time has passed). For Run and for tests, which call it instead of Run.
  Status Step();
  const State& state() const { return state_; }
  const Options& options() const { return options_; }

 private:
  explicit Core(const Options& options) : options_(options) {}
  Status UndoBatch(const Status& why);
  void NoticeStall(int64_t now_ms);

  const Options options_;
  State state_;
  int64_t last_forget_ms_ = 0;
  int64_t storage_full_until_ms_ = 0;

  Mutex mutex_;
  CondVar wake_;
  CondVar events_;
  std::deque<Command> queue_ BRAID_GUARDED_BY(mutex_);
  bool stop_ BRAID_GUARDED_BY(mutex_) = false;
  bool stopped_ BRAID_GUARDED_BY(mutex_) = false;
  int64_t durable_seq_ BRAID_GUARDED_BY(mutex_) = 0;
  CoreCounters counters_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
