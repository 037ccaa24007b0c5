#include "coordinator/services/session_call.h"

#include <utility>

#include "coordinator/services/convert.h"

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

std::shared_ptr<SessionCall> SessionCall::Self() {
  return std::static_pointer_cast<SessionCall>(shared_from_this());
}

void SessionCall::Read() {
  if (!Enter()) return;
  StartRead(&signal_);
  Leave();
}

void SessionCall::OnReadDone(bool ok) {
  if (!ok) return End(OkStatus());
  if (!Enter()) return;  // left when the core has the message: until then the session is not closed
  session_->Take(WorkerMessageOf(signal_), [self = Self()](Status status) {
    self->backend()->answers.Do([self, status = std::move(status)] { self->Taken(status); });
  });
}

void SessionCall::Taken(const Status& status) {
  if (!status.ok()) End(status);
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
      state_ = DesiredMessage(*message, backend()->core->options().lease);
      StartWrite(&state_);  // OnWriteDone leaves
      return;
    }
    Leave();
  } while (writing_.Leave());
}

void SessionCall::OnWriteDone(bool ok) {
  Leave();
  if (!ok) return End(Cancelled("the worker is gone"));
  backend()->answers.Do([self = Self()] { self->Write(); });
}

}  // namespace braid::coordinator
