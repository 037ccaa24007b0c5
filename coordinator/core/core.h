// The one loop that owns the coordinator's state: decide, commit, apply, answer.
//
//   requests -> Post() -> [ queue ] -> Step(): all that waits is one batch
//       decide    each command's decision adds updates to the batch; then workers are watched and
//                 jobs are scheduled
//       commit    the whole batch is one transaction of the store
//       answer    callers are called back, DesiredStates leave, followers of events are woken
//
// Nothing is answered before it is durable. What fails takes back its own effects and nobody
// else's:
//   - a decision that fails, throws or asks for what the rows do not allow is answered with its
//     error;
//   - where the store refuses a batch, the commands are decided and committed again one by one:
//     with a full disk each that does not fit gets STORAGE_FULL, and what writes nothing (hellos,
//     heartbeats, reads) goes on;
//   - while another program holds the store's lock, what has to be written waits for a while;
//   - any other error of the store is fatal: everybody is answered UNAVAILABLE, Run returns it, and
//     the process must end, so that a new one loads what is on the disk.
// No locks in the state: only Step() touches it.
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
#include "coordinator/core/options.h"
#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"
#include "coordinator/waiting/wakeups.h"

namespace braid::coordinator {

struct Command {
  // At least one of the two. `decide` runs before the commit and may add updates; it may be run
  // again, after everything that it did through its transaction was taken back. `read` runs after
  // the commit, and not at all if the decision was refused or could not be written; its error is
  // the command's.
  std::function<Status(Transaction&)> decide;
  std::function<Status(const State&)> read;
  // Called once, when all is durable, or with the error. In the loop's thread, which everybody
  // waits for: an answer that takes time is for a thread of the caller's.
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

  // Does not wait. After the loop has stopped `answer` is called at once, with kUnavailable.
  // Thread-safe, as are the three below.
  void Post(Command command);
  // Posts and waits, for callers that have a thread to wait with. REQUIRES: another thread runs
  // Run().
  Status Do(std::function<Status(Transaction&)> decide);
  // The same for what only reads. kUnavailable when the loop has stopped (then it did not run),
  // kInternal if it threw.
  Status Query(std::function<void(const State&)> read);
  // The number of the newest event that is durable.
  int64_t durable_seq();
  // Notified after new events of a run are durable, by the run's id; the topic kAllEvents with
  // every event.
  static constexpr char kAllEvents[] = "";
  Wakeups& events() { return events_; }
  CoreCounters counters();

  // Batches until Stop(), then answers what is left. A fatal error of the store is returned.
  Status Run();
  void Stop();

  // One batch, also an empty one (time has passed). For Run and for tests, which call it instead of
  // Run.
  Status Step();
  const State& state() const { return state_; }
  const Options& options() const { return options_; }

 private:
  // A command and what it decided.
  struct Decided {
    Command command;
    Transaction tx;
    Status status;
    bool waits = false;  // its updates were taken back; they have to be decided and written again
    int64_t locked_since_ms = 0;  // it waits for the store's lock; 0: it does not
  };
  explicit Core(const Options& options) : options_(options) {}
  std::vector<Decided> TakeBatch(int64_t now_ms);
  void Decide(Decided& decided);
  void RunPass(Transaction& tx);
  Status Commit(const catalog::Updates& updates);
  // All of the batch is written, or answered with why not, or held back. Returns what is fatal.
  Status CommitBatch(std::vector<Decided>& batch, Transaction& pass);
  void DecideWithoutWriting(std::vector<Decided>& batch, size_t begin);
  Status CommitOneByOne(std::vector<Decided>& batch);
  void Hold(std::vector<Decided>& batch);
  void Finish(std::vector<Decided>& batch);
  void TellOfEvents();
  void Complain(const std::string& what);
  void NoticeStall(int64_t now_ms);

  const Options options_;
  State state_;
  int64_t last_forget_ms_ = 0;
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
