#include "coordinator/services/session_call.h"

#include <utility>

#include "coordinator/access/bounds.h"
#include "coordinator/services/convert.h"
#include "rpc/convert.h"

namespace braid::coordinator {

grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>* SessionCall::Start(
    grpc::CallbackServerContext* context, Backend* backend) {
  const std::shared_ptr<SessionCall> call(new SessionCall(context, backend));
  call->session_ = std::make_unique<Session>(backend->core,
                                             [weak = std::weak_ptr<SessionCall>(call)] {
                                               if (const auto self = weak.lock()) self->Due();
                                             });
  call->Open();
  call->Read();
  return call.get();
}

// A worker that was removed is told so, with the reason that lets it end.
void SessionCall::Refuse(const Status& why) {
  const Status replaced = session_->status();
  End(replaced.ok() ? why : replaced);
}

std::shared_ptr<SessionCall> SessionCall::Self() {
  return std::static_pointer_cast<SessionCall>(shared_from_this());
}

void SessionCall::Read() {
  if (!Enter()) return;
  StartRead(&signal_);
  Leave();
}

Status SessionCall::CheckHello(v1::WorkerHello* hello) const {
  BRAID_RETURN_IF_ERROR(CheckOwnName(who(), hello->worker_id()));
  const std::string& site = who().site;
  if (!who().IsWorker() || site.empty() || hello->site() == site) return OkStatus();
  if (!hello->site().empty()) {
    return PermissionDenied("worker " + who().name + " was invited to site " + site +
                            " and says that it is at " + hello->site() + ": leave --site out");
  }
  hello->set_site(site);
  return OkStatus();
}

void SessionCall::OnReadDone(bool ok) {
  if (!ok) return End(OkStatus());
  if (signal_.has_hello()) {
    if (const Status hello = CheckHello(signal_.mutable_hello()); !hello.ok()) {
      WriteOutcome(backend(), *DenialsOf(*context(), who(), "Session", signal_.hello().worker_id()),
                   hello);
      return End(hello);
    }
  }
  if (signal_.has_hello()) worker_ = signal_.hello().worker_id();
  if (!Enter()) return;  // left when the core has the message: until then the session is not closed
  session_->Take(WorkerMessageOf(signal_), [self = Self()](Status status) {
    self->backend()->answers.Do([self, status = std::move(status)] { self->Taken(status); });
  });
}

void SessionCall::Taken(const Status& status) {
  if (!status.ok()) End(status);
  // Not through the core, which decides nothing by it.
  if (status.ok() && signal_.has_load())
    backend()->loads.Note(worker_, rpc::LoadOf(signal_.load()), SystemClock().MonotonicMs());
  Leave();
  Read();
}

// Often in the core's thread: what there is to do is for another one.
void SessionCall::Due() {
  // Not behind a message that the worker does not take.
  if (!session_->status().ok())
    return backend()->answers.Do([self = Self()] { self->End(self->session_->status()); });
  if (writing_.Enter()) backend()->answers.Do([self = Self()] { self->Write(); });
}

// By who has the turn.
void SessionCall::Write() {
  do {
    if (!Enter()) return;
    if (const std::optional<SessionMessage> message = session_->TakeDue()) {
      state_ = DesiredMessage(*message, backend()->coordinator_id,
                              backend()->core->options().lease);
      StartWrite(&state_);  // OnWriteDone leaves
      return;
    }
    Leave();
  } while (writing_.Leave());
}

void SessionCall::OnWriteDone(bool ok) {
  Leave();
  if (!ok) return End(Cancelled("the worker is gone"));
  // Most often there is nothing more, and the turn ends here. Whoever comes meanwhile leaves a
  // note.
  if (session_->IsDue() || writing_.Leave())
    backend()->answers.Do([self = Self()] { self->Write(); });
}

}  // namespace braid::coordinator
