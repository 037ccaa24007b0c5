#include "coordinator/core/core.h"

#include "coordinator/core/pass.h"
#include "coordinator/core/sessions.h"

namespace braid::coordinator {
namespace {

constexpr int64_t kTickMs = 200;
constexpr int64_t kStallMs = 2000;
constexpr int64_t kForgetEveryMs = 3'600'000;
constexpr int64_t kRememberMs = 86'400'000;
constexpr int64_t kStorageFullPauseMs = 1000;

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

}  // namespace

Result<std::unique_ptr<Core>> Core::Create(const Options& options) {
  std::unique_ptr<Core> core(new Core(options));
  BRAID_ASSIGN_OR_RETURN(catalog::Image image, options.store->Load());
  core->state_.Reset(std::move(image));
  core->state_.started_ms = core->state_.last_tick_ms = options.clock->MonotonicMs();
  core->state_.started_wall_ms = options.clock->WallMs();
  // Versions rise across restarts, so that a worker cannot have seen one of ours before.
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
      wake_.NotifyOne();
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

void Core::Read(std::function<void(const State&)> read) {
  const auto latch = std::make_shared<Latch>();
  Post({nullptr, std::move(read), [latch](Status status) { latch->Set(std::move(status)); }});
  (void)latch->Wait();
}

int64_t Core::WaitForEvents(int64_t seq, int64_t timeout_ms) {
  MutexLock lock(mutex_);
  if (durable_seq_ <= seq && !stopped_) (void)events_.WaitFor(mutex_, timeout_ms);
  return durable_seq_;
}

CoreCounters Core::counters() {
  MutexLock lock(mutex_);
  return counters_;
}

Status Core::Run() {
  Status status;
  while (status.ok()) {
    {
      MutexLock lock(mutex_);
      if (stop_) break;
      if (queue_.empty()) (void)wake_.WaitFor(mutex_, kTickMs);
    }
    status = Step();
  }
  std::deque<Command> left;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(queue_);
    events_.NotifyAll();
  }
  for (Command& command : left) {
    if (command.answer) command.answer(Unavailable("the coordinator is stopping"));
  }
  return status;
}

void Core::Stop() {
  MutexLock lock(mutex_);
  stop_ = true;
  wake_.NotifyOne();
}

void Core::NoticeStall(int64_t now_ms) {
  // Had we not been running, nobody could have been heard: all leases are longer by that.
  const int64_t gap_ms = now_ms - state_.last_tick_ms;
  state_.last_tick_ms = now_ms;
  if (gap_ms <= kStallMs) return;
  for (auto& [id, worker] : state_.workers) worker.last_heard_ms += gap_ms - kTickMs;
}

Status Core::Step() {
  std::vector<Command> batch;
  {
    MutexLock lock(mutex_);
    batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.clear();
  }
  Transaction tx(&state_, &options_);
  std::vector<Status> answers(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].decide) answers[i] = batch[i].decide(tx);
  }
  NoticeStall(tx.now_ms());
  if (tx.now_ms() >= storage_full_until_ms_) {
    WatchWorkers(tx);
    SchedulePass(tx);
    if (tx.now_ms() - last_forget_ms_ >= kForgetEveryMs) {
      last_forget_ms_ = tx.now_ms();
      if (!state_.image().requests.empty()) tx.Add(catalog::RequestsForgotten{tx.wall_ms() - kRememberMs});
    }
  }
  const int64_t begin_ms = options_.clock->MonotonicMs();
  const Status committed = options_.store->Commit(tx.updates(), tx.wall_ms());
  if (!committed.ok()) {
    BRAID_RETURN_IF_ERROR(UndoBatch(committed));
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].decide && answers[i].ok()) answers[i] = committed;
    }
  }
  for (Command& command : batch) {
    if (command.read) command.read(state_);
  }
  for (const Push& push : DesiredChanges(state_, options_)) push.sink->Push(push.desired);
  {
    MutexLock lock(mutex_);
    ++counters_.batches;
    counters_.commands += static_cast<int64_t>(batch.size());
    counters_.updates += committed.ok() ? static_cast<int64_t>(tx.updates().size()) : 0;
    counters_.commits_failed += committed.ok() ? 0 : 1;
    counters_.commit_seconds += static_cast<double>(options_.clock->MonotonicMs() - begin_ms) / 1000;
    if (durable_seq_ != state_.image().last_seq) {
      durable_seq_ = state_.image().last_seq;
      events_.NotifyAll();
    }
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].answer) batch[i].answer(std::move(answers[i]));
  }
  return OkStatus();
}

Status Core::UndoBatch(const Status& why) {
  if (why.reason() != "STORAGE_FULL") return why.Wrap("the catalog cannot be trusted any more, stopping");
  auto image = options_.store->Load();
  if (!image.ok()) return image.status().Wrap("reading the catalog after a full disk");
  state_.Reset(std::move(*image));
  // A worker whose first hello was not kept says it again.
  std::erase_if(state_.workers, [&](const auto& entry) { return !state_.image().workers.contains(entry.first); });
  storage_full_until_ms_ = options_.clock->MonotonicMs() + kStorageFullPauseMs;
  return OkStatus();
}

}  // namespace braid::coordinator
