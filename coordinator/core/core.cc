#include "coordinator/core/core.h"

#include <algorithm>

#include "base/log.h"
#include "coordinator/core/desired.h"
#include "coordinator/core/pass.h"
#include "coordinator/core/spans.h"
#include "coordinator/core/watch.h"

namespace braid::coordinator {
namespace {

// The longest wait for a command: leases and backoffs run out without one.
constexpr int64_t kTickMs = 200;
// A step that begins so much later than the one before means that this process (or its machine) was
// suspended.
constexpr int64_t kStallMs = 2000;
constexpr int64_t kForgetEveryMs = 3'600'000;
// How long a request id is remembered. Clients that repeat a request do so within minutes.
constexpr int64_t kRememberMs = 86'400'000;
// Waits before the pass, or the store, is tried again. They keep a full disk or a foreign lock from
// costing the loop all of its time.
constexpr int64_t kFullPauseMs = 1000;
constexpr int64_t kLockedPauseMs = 500;
// Shorter than the deadlines of the clients' calls, so that a caller learns about the lock instead
// of timing out.
constexpr int64_t kLockPatienceMs = 15'000;

// One caller waiting for one answer.
class Latch {
 public:
  void Set(Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
    set_.NotifyAll();
  }
  Status Wait() {
    MutexLock lock(mutex_);
    while (!status_.has_value()) set_.Wait(mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  CondVar set_;
  std::optional<Status> status_ BRAID_GUARDED_BY(mutex_);
};

// Why the store refused updates: the disk is full, another program has the lock, the database has a
// constraint that catalog::Check does not know (a fault of the code), or the database cannot be
// used any more.
enum class Refusal { kFull, kLocked, kUpdate, kFatal };

Refusal RefusalOf(const Status& status) {
  if (status.Is(ErrorReason::kStorageFull)) return Refusal::kFull;
  if (status.code() == StatusCode::kUnavailable) return Refusal::kLocked;
  const bool update = status.code() == StatusCode::kAborted ||
                      status.code() == StatusCode::kFailedPrecondition;
  return update ? Refusal::kUpdate : Refusal::kFatal;
}

// An error that only a fault in this program's code explains. It is logged, because callers rarely
// report what they got.
Status Fault(const std::string& what) {
  Log(LogLevel::kError, "coordinator", "a request was refused and changed nothing: " + what);
  return Internal("a fault of braid, nothing was changed: " + what);
}

// An exception must not end the loop: it becomes the error of the command whose code threw it.
template <typename Body>
Status Guarded(Body body) {
  try {
    return body();
  } catch (const catalog::Unreadable& unreadable) {
    return unreadable.status();
  } catch (const std::exception& error) {
    return Fault(error.what());
  } catch (...) {
    return Fault("something unknown was thrown");
  }
}

}  // namespace

Result<std::unique_ptr<Core>> Core::Create(const Options& options) {
  std::unique_ptr<Core> core(new Core(options));
  BRAID_ASSIGN_OR_RETURN(catalog::LiveRows live, options.store->LoadLive());
  core->state_.Reset(std::move(live), options.store->past());
  core->state_.started_ms = core->state_.last_tick_ms = options.clock->MonotonicMs();
  core->state_.started_wall_ms = options.clock->WallMs();
  // Workers report the newest version that they have acted on, so a version must never be used
  // twice. The process before counted up from its own start time, by one for each push; the present
  // time is above all of its versions.
  core->state_.version = options.clock->WallMs();
  {
    MutexLock lock(core->mutex_);
    core->durable_seq_ = core->state_.image().last_seq;
  }
  return core;
}

void Core::Post(Command command) {
  {
    MutexLock lock(mutex_);
    if (!stopped_) {
      queue_.push_back(std::move(command));
      // If other commands wait already, the loop has been woken for the first of them.
      if (queue_.size() == 1) wake_.NotifyOne();
      return;
    }
  }
  if (command.answer) command.answer(Unavailable("the coordinator is stopping"));
}

Status Core::Do(std::function<Status(Transaction&)> decide) {
  const auto latch = std::make_shared<Latch>();
  Post({std::move(decide), nullptr, [latch](Status status) { latch->Set(std::move(status)); }});
  return latch->Wait();
}

Status Core::Query(std::function<void(const State&)> read) {
  const auto latch = std::make_shared<Latch>();
  Post({nullptr,
        [read = std::move(read)](const State& state) {
          read(state);
          return OkStatus();
        },
        [latch](Status status) { latch->Set(std::move(status)); }});
  return latch->Wait();
}

int64_t Core::durable_seq() {
  MutexLock lock(mutex_);
  return durable_seq_;
}

CoreCounters Core::counters() {
  MutexLock lock(mutex_);
  return counters_;
}

Status Core::Run() {
  Status status;
  while (status.ok()) {
    const int64_t patience_ms = PatienceMs();
    {
      MutexLock lock(mutex_);
      if (stop_) break;
      if (queue_.empty()) (void)wake_.WaitFor(mutex_, patience_ms);
    }
    try {
      status = Step();
    } catch (const std::exception& error) {
      status = Internal(std::string("a fault of braid: ") + error.what());
    }
  }
  std::deque<Command> left;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(queue_);
  }
  for (Decided& decided : held_) left.push_back(std::move(decided.command));
  held_.clear();
  for (Command& command : left) {
    if (command.answer) command.answer(Unavailable("the coordinator is stopping"));
  }
  return status;
}

int64_t Core::PatienceMs() const {
  if (!state_.changes.scheduling) return kTickMs;
  // A pass was put off.
  const int64_t left_ms = std::max(state_.last_pass.next_ms, pass_again_ms_) -
                          options_.clock->MonotonicMs();
  return std::clamp<int64_t>(left_ms, 1, kTickMs);
}

void Core::Stop() {
  MutexLock lock(mutex_);
  stop_ = true;
  wake_.NotifyOne();
}

void Core::NoticeStall(int64_t now_ms) {
  // Heartbeats could not be read while this process did not run. Without this correction a
  // suspended laptop, or a stopped virtual machine, would wake up and declare all of its workers
  // lost.
  const int64_t gap_ms = now_ms - state_.last_tick_ms;
  state_.last_tick_ms = now_ms;
  if (gap_ms <= kStallMs) return;
  for (auto& [id, worker] : state_.workers) worker.last_contact_ms += gap_ms - kTickMs;
}

// Commands that waited for the lock come before new ones, so that later commands do not overtake
// them.
std::vector<Core::Decided> Core::TakeBatch(int64_t now_ms) {
  std::vector<Decided> batch;
  if (now_ms >= hold_until_ms_) batch.swap(held_);
  MutexLock lock(mutex_);
  for (Command& command : queue_) {
    batch.push_back({std::move(command), Transaction(&state_, &options_), OkStatus(),
                     /*waits=*/false, /*locked_since_ms=*/0});
  }
  queue_.clear();
  return batch;
}

void Core::Decide(Decided& decided) {
  decided.waits = false;
  decided.tx = Transaction(&state_, &options_);
  if (!decided.command.decide) return;
  decided.status = Guarded([&] { return decided.command.decide(decided.tx); });
  if (!decided.status.ok()) decided.tx.TakeBack();
}

void Core::Complain(const std::string& what) {
  if (complaint_ != what) Log(LogLevel::kError, "coordinator", "a fault of braid: " + what);
  complaint_ = what;
}

void Core::RunPass(Transaction& tx) {
  try {
    if (const std::string faults = WatchWorkers(tx); !faults.empty()) Complain(faults);
    SchedulePass(tx);
    if (tx.now_ms() - last_forget_ms_ < kForgetEveryMs) return;
    last_forget_ms_ = tx.now_ms();
    if (!state_.image().requests.empty())
      tx.Add(catalog::RequestsForgotten{tx.wall_ms() - kRememberMs});
  } catch (const std::exception& error) {
    tx.TakeBack();
    state_.changes.MarkAll();
    state_.last_pass.next_ms = tx.now_ms() + kTickMs;
    Complain(error.what());
  }
}

Status Core::Commit(const catalog::Updates& updates) {
  const int64_t begin_ms = options_.clock->MonotonicMs();
  Status status;
  try {
    status = options_.store->Commit(updates, options_.clock->WallMs());
  } catch (const std::exception& error) {
    status = Internal(std::string("the store: ") + error.what());
  }
  if (status.ok()) {
    for (const catalog::Update& update : updates) {
      if (const std::string* run = catalog::RunOf(update)) changed_runs_.insert(*run);
    }
  }
  if (status.ok() && options_.spans != nullptr) {
    for (const catalog::Update& update : updates) {
      for (trace::Span& span : SpansOf(update, state_, options_.sampler))
        options_.spans->Add(std::move(span));
    }
  }
  MutexLock lock(mutex_);
  counters_.updates += status.ok() ? static_cast<int64_t>(updates.size()) : 0;
  counters_.commits_failed += status.ok() ? 0 : 1;
  const double seconds = static_cast<double>(options_.clock->MonotonicMs() - begin_ms) / 1000;
  counters_.commit_seconds += seconds;
  counters_.commits.Observe(seconds);
  if (status.ok()) {
    for (const catalog::Update& update : updates) counters_.durations.See(update, state_);
  }
  return status;
}

Status Core::CommitBatch(std::vector<Decided>& batch, Transaction& pass) {
  const int64_t now_ms = options_.clock->MonotonicMs();
  const bool passed = !pass.updates().empty();
  catalog::Updates all;
  size_t writers = 0;
  for (Decided& decided : batch) {
    writers += decided.tx.updates().empty() ? 0 : 1;
    decided.tx.MoveUpdatesTo(&all);
  }
  pass.MoveUpdatesTo(&all);
  if (all.empty()) return OkStatus();
  const bool held = now_ms < hold_until_ms_;
  const Status status = held ? Unavailable("the store is locked") : Commit(all);
  if (status.ok()) return OkStatus();

  // Everything is taken back, commands without updates included: they may have been decided on top
  // of updates that cannot be written, and undo functions restore the state only in reverse order.
  pass.TakeBack();
  for (auto decided = batch.rbegin(); decided != batch.rend(); ++decided) {
    decided->waits = !decided->tx.updates().empty();
    if (decided->command.decide) decided->tx.TakeBack();
  }
  const Refusal refusal = RefusalOf(status);
  if (refusal == Refusal::kFatal) return status;
  if (refusal == Refusal::kFull) pass_again_ms_ = now_ms + kFullPauseMs;
  if (refusal == Refusal::kLocked) {
    if (!held) hold_until_ms_ = pass_again_ms_ = now_ms + kLockedPauseMs;
    DecideWithoutWriting(batch, 0);
    Hold(batch);
    return OkStatus();
  }
  // With one writer and no pass it is known whose update was refused, and committing again would
  // only fail again.
  if (writers == 1 && !passed) {
    for (Decided& decided : batch) {
      if (decided.waits)
        decided.status = refusal == Refusal::kFull ? status : Fault(status.message());
    }
  }
  BRAID_RETURN_IF_ERROR(CommitOneByOne(batch));
  const bool found = std::any_of(batch.begin(), batch.end(),
                                 [](const Decided& d) { return d.waits; });
  // All commands could be written alone, so an update of the pass was refused. The pass runs with
  // every step; without a pause the loop would do nothing else.
  if (refusal == Refusal::kUpdate && passed && !found) {
    pass_again_ms_ = now_ms + kFullPauseMs;
    Complain(status.message());
  }
  return OkStatus();
}

void Core::DecideWithoutWriting(std::vector<Decided>& batch, size_t begin) {
  for (size_t i = begin; i < batch.size(); ++i) {
    Decided& decided = batch[i];
    if (decided.waits) continue;
    Decide(decided);
    if (decided.tx.updates().empty()) continue;
    decided.tx.TakeBack();
    decided.waits = true;
  }
}

// Commands that fail keep `waits`, so that Finish runs none of their effects. A command that has an
// error already keeps it.
Status Core::CommitOneByOne(std::vector<Decided>& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    Decided& decided = batch[i];
    if (decided.waits && !decided.status.ok()) continue;
    Decide(decided);
    if (decided.tx.updates().empty()) continue;
    const Status status = Commit(decided.tx.updates());
    if (status.ok()) continue;
    decided.tx.TakeBack();
    decided.waits = true;
    const Refusal refusal = RefusalOf(status);
    if (refusal == Refusal::kFatal) return status;
    if (refusal == Refusal::kLocked) {
      hold_until_ms_ = pass_again_ms_ = options_.clock->MonotonicMs() + kLockedPauseMs;
      DecideWithoutWriting(batch, i + 1);
      Hold(batch);
      return OkStatus();
    }
    decided.status = refusal == Refusal::kFull ? status : Fault(status.message());
  }
  return OkStatus();
}

// Nothing that a held command decided is in the state any more, so it can simply be decided again
// later.
void Core::Hold(std::vector<Decided>& batch) {
  const int64_t now_ms = options_.clock->MonotonicMs();
  std::vector<Decided> rest;
  for (Decided& decided : batch) {
    const bool waits = decided.waits && decided.status.ok();
    if (waits && decided.locked_since_ms == 0) decided.locked_since_ms = now_ms;
    if (waits && now_ms - decided.locked_since_ms < kLockPatienceMs) {
      held_.push_back(std::move(decided));
      continue;
    }
    if (waits) {
      decided.status = Unavailable(
          "another program holds the lock of the catalog, perhaps a sqlite3 shell with an open "
          "transaction: "
          "nothing was changed; end it, and try again");
    }
    rest.push_back(std::move(decided));
  }
  batch = std::move(rest);
}

// Answers come last: when a client has its answer, the events are visible and the new sets are on
// their way to the workers.
void Core::Finish(std::vector<Decided>& batch, Transaction& pass) {
  const auto do_effects = [this](Transaction& tx) {
    if (const std::string faults = tx.DoEffects(); !faults.empty()) Complain(faults);
  };
  for (Decided& decided : batch) {
    if (!decided.waits) do_effects(decided.tx);
    if (!decided.command.read || !decided.status.ok()) continue;
    decided.status = Guarded([&] { return decided.command.read(state_); });
  }
  // A pass that was not committed was taken back, and has no effects.
  do_effects(pass);
  try {
    for (const Push& push : DesiredChanges(state_, options_)) push.sink->Push(push.desired);
  } catch (const std::exception& error) {
    state_.changes.MarkAll();
    Complain(error.what());
  }
  {
    MutexLock lock(mutex_);
    ++counters_.batches;
    counters_.commands += static_cast<int64_t>(batch.size());
    durable_seq_ = state_.image().last_seq;
  }
  for (Decided& decided : batch) {
    if (decided.command.answer) decided.command.answer(std::move(decided.status));
  }
  TellOfEvents();
}

void Core::TellOfEvents() {
  for (const std::string& run : changed_runs_) events_.Notify(run);
  changed_runs_.clear();
  if (told_seq_ == state_.image().last_seq) return;
  told_seq_ = state_.image().last_seq;
  events_.Notify(kAllEvents);
}

Status Core::Step() {
  const int64_t now_ms = options_.clock->MonotonicMs();
  NoticeStall(now_ms);
  std::vector<Decided> batch = TakeBatch(now_ms);
  for (Decided& decided : batch) Decide(decided);
  // Between deciding and the pass: a hello of this batch counts as contact before anybody is
  // declared lost.
  const bool tick = !options_.only_changes || now_ms - last_watch_ms_ >= kTickMs;
  if (tick) last_watch_ms_ = now_ms;
  ObserveWorkers(state_, options_, now_ms, tick);
  Transaction pass(&state_, &options_);
  if (now_ms >= pass_again_ms_) RunPass(pass);
  const Status fatal = CommitBatch(batch, pass);
  if (fatal.ok()) {
    Finish(batch, pass);
    state_.LetGo(options_.ended_rows);
    return OkStatus();
  }
  for (Decided& decided : batch) {
    if (decided.command.answer)
      decided.command.answer(Unavailable(
          "the coordinator ends, its catalog cannot be trusted any more: " + fatal.message()));
  }
  return fatal.Wrap("the catalog cannot be trusted any more, stopping");
}

}  // namespace braid::coordinator
