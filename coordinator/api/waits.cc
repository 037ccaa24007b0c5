#include "coordinator/api/waits.h"

#include <algorithm>

#include "coordinator/api/facts.h"

namespace braid::coordinator {
namespace {

// Calls end after a bounded time, so that a lost client is noticed; the callers ask again. Proxies
// often close connections that are silent for five minutes.
constexpr int64_t kLongestKeyWaitMs = 60'000;
constexpr int64_t kLongestRunWaitMs = 240'000;

}  // namespace

std::shared_ptr<KeyWait> KeyWait::Start(Backend* backend, const RankKey& rank,
                                        const std::string& key, int64_t timeout_ms, Done done,
                                        std::function<Status(const State&)> allowed) {
  const std::shared_ptr<KeyWait> wait(
      new KeyWait(backend, rank, key, std::min(timeout_ms, kLongestKeyWaitMs), std::move(done)));
  CoreWork live = CheckLive(rank);
  if (allowed) live = If(std::move(allowed), std::move(live));
  backend->core->Post({nullptr, std::move(live.read), [wait](Status status) {
                         wait->backend_->answers.Do([wait, status = std::move(status)] {
                           if (status.ok()) {
                             wait->Wait();
                           } else {
                             wait->Finish(status);
                           }
                         });
                       }});
  return wait;
}

void KeyWait::Wait() {
  // The table is asked first: a key that is there is answered even if there is no time to wait.
  const RendezvousTable::WaiterId waiter = backend_->rendezvous->Get(
      rank_.attempt(), key_,
      [self = shared_from_this()](Result<std::string> value) { self->Finish(std::move(value)); });
  const std::weak_ptr<KeyWait> weak = weak_from_this();
  const auto ring = [weak] {
    const std::shared_ptr<KeyWait> self = weak.lock();
    if (self == nullptr) return;
    self->Finish(DeadlineExceeded("rendezvous key " + self->key_ + " of " +
                                  self->rank_.attempt().ToString() + " was not put within " +
                                  std::to_string(self->timeout_ms_) +
                                  " ms: is another rank missing?"));
  };
  {
    MutexLock lock(mutex_);
    if (done_) {
      waiter_ = waiter;
      alarm_ = backend_->alarms.After(timeout_ms_, ring);  // rings without the lock of Alarms
      return;
    }
  }
  // It was answered, or cancelled, before there was anything to give up.
  backend_->rendezvous->GiveUp(waiter, Cancelled("cancelled"));
}

void KeyWait::Cancel() {
  Finish(Cancelled("cancelled"));
}

void KeyWait::Finish(Result<std::string> value) {
  Done done;
  Alarms::Id alarm = 0;
  RendezvousTable::WaiterId waiter = 0;
  {
    MutexLock lock(mutex_);
    if (!done_) return;
    done = std::exchange(done_, nullptr);
    alarm = alarm_;
    waiter = waiter_;
  }
  backend_->alarms.Cancel(alarm);
  backend_->rendezvous->GiveUp(waiter, Cancelled("cancelled"));
  done(std::move(value));
}

std::shared_ptr<RunWait> RunWait::Start(Backend* backend, const std::string& run,
                                        int64_t timeout_ms, ShowRun show,
                                        std::function<void(Status)> done) {
  const std::shared_ptr<RunWait> wait(new RunWait(backend, run, std::move(show), std::move(done)));
  (void)wait->turn_.Enter();
  const std::weak_ptr<RunWait> weak = wait;
  const auto end = [weak] {
    if (const std::shared_ptr<RunWait> self = weak.lock()) self->End(OkStatus());
  };
  {
    MutexLock lock(wait->mutex_);
    wait->alarm_ = backend->alarms.After(std::min(timeout_ms, kLongestRunWaitMs), end);
    wait->stopping_ = backend->stop.Subscribe(Backend::kStopping, end);
  }
  if (backend->stopping) end();
  wait->Look();
  return wait;
}

Wakeups::Wake RunWait::WakeWeakly() {
  return [weak = weak_from_this()] {
    if (const std::shared_ptr<RunWait> self = weak.lock()) self->Wake();
  };
}

// In the thread of whoever wakes it, which has other things to do.
void RunWait::Wake() {
  if (!turn_.Enter()) return;
  backend_->answers.Do([self = shared_from_this()] { self->Look(); });
}

void RunWait::Look() {
  backend_->core->Post(
      {nullptr,
       [self = shared_from_this()](const State& state) {
         BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(self->run_));
         self->run_ = run->id;
         self->ended_ = Ended(run->state);
         self->show_(*run, state);
         return OkStatus();
       },
       [self = shared_from_this()](Status status) {
         self->backend_->answers.Do([self, status = std::move(status)] { self->Looked(status); });
       }});
}

void RunWait::Looked(const Status& status) {
  bool over = false;
  {
    MutexLock lock(mutex_);
    over_ = over_ || ended_ || !status.ok();
    if (!status.ok()) why_ = status;  // also where the time was over before the first look
    over = over_;
  }
  if (over) {
    Finish();
  } else if (events_ == nullptr) {
    // It may have ended since it was looked at: once more, now that nothing is missed.
    events_ = backend_->core->events().Subscribe(run_, WakeWeakly());
    Look();
  } else if (turn_.Leave()) {
    Look();
  }
}

void RunWait::End(Status status) {
  {
    MutexLock lock(mutex_);
    if (over_) return;
    over_ = true;
    why_ = std::move(status);
  }
  Wake();
}

// Keeps the turn for good: nothing happens any more.
void RunWait::Finish() {
  Status why;
  std::unique_ptr<Wakeups::Subscription> stopping;
  Alarms::Id alarm = 0;
  {
    MutexLock lock(mutex_);
    why = why_;
    stopping = std::move(stopping_);
    alarm = alarm_;
  }
  backend_->alarms.Cancel(alarm);
  events_.reset();
  show_ = nullptr;  // it may own who owns this
  std::exchange(done_, nullptr)(std::move(why));
}

}  // namespace braid::coordinator
