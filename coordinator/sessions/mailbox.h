// Between the core, which says what a worker should run, and the stream that tells it.
#pragma once

#include <memory>
#include <optional>
#include <string>

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

// Of one session: the core puts the newest state here, the session's writer takes what is to be
// sent. Only the newest state matters, so nothing queues up for a slow worker. Every heartbeat is
// answered, so that a worker knows that somebody listens. Thread-safe.
class Mailbox final : public SessionSink {
 public:
  void Push(std::shared_ptr<const Desired> desired) override;
  void Replaced(const std::string& why) override;

  // A heartbeat came: an answer is due, if there is a state to speak of.
  void AnswerDue();
  // The first end counts.
  void End(Status status);
  // What is to be sent now; nothing if nothing is due, or after the end.
  std::optional<SessionMessage> TakeNow();
  // Waits for something to send; nothing at the end.
  std::optional<SessionMessage> Take();
  // Why the session ends, as far as anybody said.
  Status status();
  // The stream is not read any more.
  void Close();
  // Waits for that; false if it did not come in time.
  bool WaitClosed(int64_t timeout_ms);

 private:
  std::optional<SessionMessage> TakeLocked() BRAID_REQUIRES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const Desired> desired_ BRAID_GUARDED_BY(mutex_);
  bool sent_ BRAID_GUARDED_BY(mutex_) = false;  // desired_, to the worker
  bool due_ BRAID_GUARDED_BY(mutex_) = false;
  bool ended_ BRAID_GUARDED_BY(mutex_) = false;
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
  Status status_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
