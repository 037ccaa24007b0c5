// The one loop that owns the coordinator's state.
//
//   Post() -> [ queue ] -> Step(), which takes all commands that wait as one batch:
//       decide   Each command adds updates, which change the state in memory at once.
//       pass     Silent workers are noticed (WatchWorkers), jobs are scheduled (SchedulePass). Both
//                look only at what has changed (core/changes.h).
//       commit   The updates of the whole batch are one transaction of the store.
//       finish   Effects run, workers are sent their DesiredState, callers are answered. Rows of
//                runs that have ended may leave memory (core/residents.h).
//
// No answer leaves before the updates behind it are durable. A failure takes back its own effects
// and those of nobody else:
//   - A decision that fails, throws or adds an update that the rows do not allow is answered with
//     its error.
//   - If the store refuses a batch, its commands are decided and committed again one by one. With a
//     full disk, each command that does not fit gets STORAGE_FULL, and those that write nothing
//     (hellos, heartbeats, reads) go on.
//   - While another program holds the store's lock, commands that write wait, for 15 s at most.
//   - Any other error of the store is fatal: every caller gets UNAVAILABLE, Run returns the error,
//     and the process must end, so that a new one loads what is on the disk.
//
// The state has no lock: only the thread that calls Step() touches it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/core/durations.h"
#include "coordinator/core/options.h"
#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"
#include "coordinator/waiting/wakeups.h"

namespace braid::coordinator {

// One request to the core. Its functions run in the core's thread and must not block.
struct Command {
  // `decide`, `read` or both are set; `read` sees what `decide` did. `decide` runs before the
  // commit and may add updates. It may run more than once: whatever an earlier run did through its
  // transaction has been taken back by then. Other effects belong into Transaction::Later.
  std::function<Status(Transaction&)> decide;
  std::function<Status(const State&)> read;
  // Called once, when all is durable, or with the error. It runs in the loop's thread and must be
  // quick: pass longer work on to another thread.
  std::function<void(Status)> answer;
};

// Totals since the process started, for /metrics.
struct CoreCounters {
  int64_t batches = 0;
  int64_t commands = 0;
  // Updates that were committed.
  int64_t updates = 0;
  int64_t commits_failed = 0;
  // Wall time within Store::Commit, whether it succeeded or not.
  double commit_seconds = 0;
  // The same, one by one.
  Histogram commits{CommitBounds()};
  Durations durations;
};

// The loop and its state. Post, Do, Query, Stop and the functions that say so are thread-safe; the
// others belong to the thread of the loop.
class Core {
 public:
  // Loads what has to be in memory from options.store. Fails with the store's error.
  static Result<std::unique_ptr<Core>> Create(const Options& options);

  // Queues a command; returns at once. Thread-safe. After the loop has ended, the command is
  // answered with kUnavailable in the caller's thread.
  void Post(Command command);
  // Posts a decision and blocks until it is answered. Thread-safe, but REQUIRES that another thread
  // runs Run(): called from the core's thread it would wait for itself.
  Status Do(std::function<Status(Transaction&)> decide);
  // Posts a read and blocks until it has run. The same requirements as Do. kUnavailable if the loop
  // has ended (`read` did not run then), kInternal if `read` threw.
  Status Query(std::function<void(const State&)> read);
  // The number of the newest event that is durable. Thread-safe.
  int64_t durable_seq();
  // Notified after new events of a run are durable, by the run's id; the topic kAllEvents with
  // every event.
  static constexpr char kAllEvents[] = "";
  Wakeups& events() { return events_; }
  // The totals so far. Thread-safe.
  CoreCounters counters();

  // Runs batches until Stop(), then answers the commands that are left with kUnavailable. Returns
  // early with a fatal error of the store. At most one call in the life of a Core.
  Status Run();
  // Makes Run() return after its current batch. Thread-safe.
  void Stop();

  // Runs one batch, which may be empty: as time passes, workers may be lost. For Run(), and for
  // tests, which call it instead of Run() in a thread of their own.
  Status Step();
  // For the thread of the loop alone.
  const State& state() const { return state_; }
  const Options& options() const { return options_; }

 private:
  // A command with what it decided so far.
  struct Decided {
    Command command;
    Transaction tx;
    Status status;
    bool waits = false;  // its updates were taken back; they have to be decided and written again
    int64_t locked_since_ms = 0;  // it waits for the store's lock; 0: it does not
  };
  explicit Core(const Options& options) : options_(options) {}
  // The commands of the next batch: first those that waited for the store's lock, if it is time to
  // try again, then the queue.
  std::vector<Decided> TakeBatch(int64_t now_ms);
  // Runs (or runs again) the command's decision; an error takes back its updates.
  void Decide(Decided& decided);
  // How long the loop may wait for a command.
  int64_t PatienceMs() const;
  // Watches the workers and schedules; once an hour it forgets request ids that are older than a
  // day.
  void RunPass(Transaction& tx);
  // Writes one transaction of the store and counts it in `counters_`. An exception of the store
  // becomes an error.
  Status Commit(const catalog::Updates& updates);

  // Afterwards each command of the batch is durable, has its error in `status`, or was moved to
  // `held_`. Returns only errors that are fatal.
  Status CommitBatch(std::vector<Decided>& batch, Transaction& pass);
  // After a batch was taken back: decides the commands from `begin` on again, keeps those that add
  // no update, and marks the others as waiting.
  void DecideWithoutWriting(std::vector<Decided>& batch, size_t begin);
  // After a batch was taken back: decides and commits its commands separately, which finds the one
  // that cannot be written. Returns only errors that are fatal.
  Status CommitOneByOne(std::vector<Decided>& batch);
  // Moves commands that wait for the store's lock from the batch to `held_`. Those that have waited
  // too long stay, with an error.
  void Hold(std::vector<Decided>& batch);
  // After the commit: runs the effects and reads, pushes DesiredStates, wakes watchers of events,
  // answers.
  void Finish(std::vector<Decided>& batch, Transaction& pass);
  void TellOfEvents();
  void Complain(const std::string& what);
  // Prolongs all leases by a time in which this process did not run.
  void NoticeStall(int64_t now_ms);

  const Options options_;
  State state_;
  // Monotonic times.
  int64_t last_forget_ms_ = 0;
  int64_t last_watch_ms_ = -1'000'000;  // what the time alone changes was looked for
  int64_t pass_again_ms_ = 0;           // no pass before: the store was full or locked
  int64_t hold_until_ms_ = 0;           // nothing is written before: the store was locked
  std::vector<Decided> held_;           // wait for the store's lock
  std::string complaint_;               // the last about a pass, so that each is logged once
  std::set<std::string> changed_runs_;  // have new events that nobody was told of yet
  int64_t told_seq_ = 0;                // up to which followers of all events were woken
  Wakeups events_;

  Mutex mutex_;
  CondVar wake_;
  std::deque<Command> queue_ BRAID_GUARDED_BY(mutex_);
  bool stop_ BRAID_GUARDED_BY(mutex_) = false;
  bool stopped_ BRAID_GUARDED_BY(mutex_) = false;
  int64_t durable_seq_ BRAID_GUARDED_BY(mutex_) = 0;
  CoreCounters counters_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
