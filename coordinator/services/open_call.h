// The common base of all calls that stay open: a reactor of gRPC's callback API that is finished
// exactly once, whichever ends it first (the client, a stop of the server, the call itself), and
// that lives until gRPC and all callbacks have released it.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/api/backend.h"
#include "coordinator/services/unary.h"
#include "rpc/status.h"

namespace braid::coordinator {

// `Base` is one of grpc::ServerUnaryReactor, ServerReadReactor, ServerWriteReactor and
// ServerBidiReactor.
//
// gRPC forbids that an operation is begun when the call is finished, and that it is finished while
// a message is being written. Whoever wants to do something with the call therefore enters it, and
// leaves it when that is done; the call is finished when it has been ended and nobody is in it. No
// lock is held while gRPC is called.
//
// A call that lasts is looked at again whenever the credential of its caller changes or expires: it
// ends with the error that the next call of the same caller would have.
template <class Base>
class OpenCall : public Base, public std::enable_shared_from_this<OpenCall<Base>> {
 public:
  // Ends the call with this status unless it has ended before. Thread-safe.
  void End(Status status) {
    bool finish = false;
    {
      MutexLock lock(mutex_);
      if (end_.has_value()) return;
      end_ = std::move(status);
      finish = finished_ = inside_ == 0;
      // A client that does not read keeps a written message, and with it the call, for ever.
      if (!finish) alarm_ = backend_->alarms.After(kLastWordMs, Weakly(&OpenCall::CutOff));
    }
    if (finish) FinishNow();
  }

  // gRPC's last call to the reactor. gRPC's share in the object ends; it lives on while callbacks
  // hold other shares.
  void OnDone() final {
    stopping_.reset();
    ending_.reset();
    if (counted_) backend_->open_counts.Leave(who_.name);
    {
      MutexLock lock(mutex_);
      backend_->alarms.Cancel(alarm_);
      backend_->alarms.Cancel(expiry_);
    }
    const std::shared_ptr<void> last = std::move(self_);
  }
  void OnCancel() final { End(Cancelled("the client has cancelled the call")); }

 protected:
  OpenCall(grpc::CallbackServerContext* context, Backend* backend)
      : context_(context), backend_(backend) {}

  // Called once, after the constructor: from now on gRPC shares ownership of the call. If the
  // caller cannot be authenticated, the call has ended on return.
  void Open() {
    self_ = this->shared_from_this();
    stopping_ = backend_->stop.Subscribe(Backend::kStopping, Weakly(&OpenCall::Stop));
    if (backend_->stopping) Stop();
    const Result<Identity> who = WhoCalls(*context_, *backend_);
    if (!who.ok()) return End(who.status());
    who_ = *who;
    if (who_.IsOwner()) return;
    if (!who_.IsWorker()) {
      counted_ = backend_->open_counts.Enter(who_.name, backend_->rate_limits.open);
      if (!counted_) {
        return End(ResourceExhausted(
            who_.name + " has " + std::to_string(backend_->rate_limits.open) +
            " calls open (--open-calls of the coordinator): end some of them first"));
      }
    }
    ending_ = backend_->access->ends().Subscribe(who_.credential,
                                                 Weakly(&OpenCall::LookAtCallerSoon));
    LookAtCaller();
  }
  // REQUIRES: the call was opened.
  const Identity& who() const { return who_; }
  // Enters the call. False: it has ended, and no operation may be begun any more.
  bool Enter() {
    MutexLock lock(mutex_);
    if (end_.has_value()) return false;
    ++inside_;
    return true;
  }
  // Leaves the call, and finishes it if it has ended meanwhile. REQUIRES: an Enter that returned
  // true.
  void Leave() {
    bool finish = false;
    {
      MutexLock lock(mutex_);
      --inside_;
      finish = inside_ == 0 && end_.has_value() && !finished_;
      if (finish) finished_ = true;
    }
    if (finish) FinishNow();
  }
  // Called before the call is finished, when no thread is in it and none can enter any more.
  virtual void OnEnd() {}
  // How the call ends when the server stops.
  virtual void Stop() { End(Unavailable("the coordinator is stopping")); }
  // How the call ends when its caller's credential does.
  virtual void Refuse(const Status& why) { End(why); }

  Backend* backend() const { return backend_; }
  // Valid inside the call.
  grpc::CallbackServerContext* context() const { return context_; }

 private:
  // How long, in ms, a written message may stay untaken after the call was ended.
  static constexpr int64_t kLastWordMs = 5'000;
  // Credentials end by the wall clock, which may be set.
  static constexpr int64_t kLookAgainMs = 60'000;

  // A callback of this call that does nothing once the call is gone: alarms and wake-ups may come
  // late.
  std::function<void()> Weakly(void (OpenCall::*method)()) {
    return [weak = this->weak_from_this(), method] {
      if (const auto self = weak.lock()) ((*self).*method)();
    };
  }
  // In the core's thread, or that of the alarms.
  void LookAtCallerSoon() { backend_->answers.Do(Weakly(&OpenCall::LookAtCaller)); }
  void LookAtCaller() {
    const Access::Standing standing = backend_->access->StandingOf(who_);
    if (!standing.status.ok()) return Refuse(standing.status);
    if (standing.ends_in_ms < 0) return;
    MutexLock lock(mutex_);
    if (end_.has_value()) return;
    backend_->alarms.Cancel(expiry_);
    expiry_ = backend_->alarms.After(std::min(standing.ends_in_ms + 1, kLookAgainMs),
                                     Weakly(&OpenCall::LookAtCallerSoon));
  }
  // Ends a call whose client does not take its last message: gRPC drops the message, and with it
  // whoever is still inside leaves.
  void CutOff() {
    {
      MutexLock lock(mutex_);
      if (finished_) return;  // the context may be gone
      ++inside_;
    }
    context_->TryCancel();
    Leave();
  }
  // By whoever found the call ended and empty; exactly once (`finished_`).
  void FinishNow() {
    Status status;
    {
      MutexLock lock(mutex_);
      status = *end_;
    }
    OnEnd();
    this->Finish(rpc::ToGrpc(status));
  }

  // gRPC's; valid until Finish.
  grpc::CallbackServerContext* const context_;
  Backend* const backend_;
  Mutex mutex_;
  // How the call ends; empty while it is open.
  std::optional<Status> end_ BRAID_GUARDED_BY(mutex_);
  // How many are between Enter and Leave.
  int inside_ BRAID_GUARDED_BY(mutex_) = 0;
  // Somebody has called, or is about to call, FinishNow.
  bool finished_ BRAID_GUARDED_BY(mutex_) = false;
  // The alarm of CutOff; 0: none.
  Alarms::Id alarm_ BRAID_GUARDED_BY(mutex_) = 0;
  // The alarm for the end of the caller's credential; 0: none.
  Alarms::Id expiry_ BRAID_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Wakeups::Subscription> stopping_;
  std::unique_ptr<Wakeups::Subscription> ending_;
  Identity who_;
  bool counted_ = false;  // in backend_->open_counts
  // The share of gRPC in this object, from Open to OnDone.
  std::shared_ptr<void> self_;
};

}  // namespace braid::coordinator
