// One session of a worker: its hello and its heartbeats become commands of the core, and the states
// for the worker wait in a mailbox. Without gRPC, and without a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/core/sessions.h"
#include "coordinator/sessions/mailbox.h"

namespace braid::coordinator {

// A message of the worker. The first of a session has a hello.
struct WorkerMessage {
  std::optional<catalog::WorkerRecord> hello;
  SignalCommand signal;  // its worker and session_id are the session's to fill in
};

// Take is called for one message after another, each after the last one's `taken`; the rest at any
// time. Callbacks come in the core's thread or in the caller's, and must be quick.
class Session {
 public:
  // `core` outlives it. `due`: see Mailbox.
  Session(Core* core, std::function<void()> due)
      : core_(core), mailbox_(std::make_shared<Mailbox>(std::move(due))) {}

  // `taken` is called once the core has the message: OK, the next one may come; otherwise the
  // session is over. kInvalidArgument for a first message without a hello; else what Hello and
  // Signal (core/sessions.h) say.
  void Take(WorkerMessage message, std::function<void(Status)> taken);
  // What is to be sent to the worker now, if anything.
  std::optional<SessionMessage> TakeDue() { return mailbox_->Take(); }
  bool IsDue() { return mailbox_->IsDue(); }
  // Not OK once another session has taken over (kAlreadyExists, WORKER_REPLACED).
  Status status() { return mailbox_->status(); }
  // The stream has ended. Informs the core, without waiting for it. REQUIRES: no message is being
  // taken.
  void Close();

 private:
  Core* const core_;
  const std::shared_ptr<Mailbox> mailbox_;
  // Shared with the decisions that the core may still run when the session is gone.
  struct Identity {
    std::string worker;
    int64_t session_id = 0;  // 0: no hello was accepted
  };
  const std::shared_ptr<Identity> identity_ = std::make_shared<Identity>();
};

}  // namespace braid::coordinator
