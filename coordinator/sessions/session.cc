#include "coordinator/sessions/session.h"

#include <utility>

namespace braid::coordinator {

void Session::Take(WorkerMessage message, std::function<void(Status)> taken) {
  if (identity_->session_id == 0 && !message.hello.has_value()) {
    taken(InvalidArgument("the first message of a session must be a hello"));
    return;
  }
  // A hello and the inventory that comes with it are one decision: no scheduling pass sees a worker
  // that is here and seems to have lost all its ranks.
  auto decide = [identity = identity_, mailbox = mailbox_,
                 message = std::move(message)](Transaction& tx) mutable {
    if (identity->session_id == 0) {
      BRAID_ASSIGN_OR_RETURN(message.signal.session_id, Hello(*message.hello, mailbox, tx));
      message.signal.worker = message.hello->id;
      tx.Later([identity, worker = message.signal.worker, id = message.signal.session_id] {
        *identity = {worker, id};
      });
    } else {
      message.signal.worker = identity->worker;
      message.signal.session_id = identity->session_id;
    }
    return Signal(message.signal, tx);
  };
  core_->Post(
      {std::move(decide), nullptr, [mailbox = mailbox_, taken = std::move(taken)](Status status) {
         if (status.ok()) mailbox->AnswerDue();
         taken(std::move(status));
       }});
}

void Session::Close() {
  if (identity_->session_id == 0) return;
  core_->Post({[identity = *identity_](Transaction& tx) {
                 SessionClosed(identity.worker, identity.session_id, tx);
                 return OkStatus();
               },
               nullptr, nullptr});
}

}  // namespace braid::coordinator
