// Passes the DesiredState of a worker from the core to the stream that sends it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/core/session_sink.h"

namespace braid::coordinator {

// One message to the worker of a session.
struct SessionMessage {
  std::shared_ptr<const Desired> desired;
  // The worker was sent this very state on this stream: its version is enough.
  bool unchanged = false;
};

// The mailbox of one session: the core puts the newest state here, and the session takes the
// message that is to be sent. Only the newest state is kept, so nothing queues up for a slow
// worker. Every heartbeat is answered, so that a worker knows that the coordinator is reachable.
// Thread-safe.
class Mailbox final : public SessionSink {
 public:
  // `due` is called, without any lock of this class, whenever there may be something to take and
  // when another session takes over, often in the core's thread: it must be quick.
  explicit Mailbox(std::function<void()> due = [] {}) : due_call_(std::move(due)) {}

  void Push(std::shared_ptr<const Desired> desired) override;
  void Replaced(const std::string& why) override;

  // A heartbeat has arrived: an answer is due, if there is a state to send.
  void AnswerDue();
  // Takes the message that is to be sent now; nullopt if none is due, and after another session has
  // taken over.
  std::optional<SessionMessage> Take();
  // Whether Take would give one.
  bool IsDue();
  // Not OK once another session has taken over (kAlreadyExists, WORKER_REPLACED).
  Status status();

 private:
  const std::function<void()> due_call_;
  Mutex mutex_;
  std::shared_ptr<const Desired> desired_ BRAID_GUARDED_BY(mutex_);
  bool sent_ BRAID_GUARDED_BY(mutex_) = false;  // desired_, to the worker
  bool due_ BRAID_GUARDED_BY(mutex_) = false;
  Status status_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
