#include "coordinator/sessions/mailbox.h"

#include <utility>

#include "base/clock.h"

namespace braid::coordinator {

void Mailbox::Push(std::shared_ptr<const Desired> desired) {
  MutexLock lock(mutex_);
  desired_ = std::move(desired);
  sent_ = false;
  due_ = true;
  changed_.NotifyAll();
}

void Mailbox::Replaced(const std::string& why) {
  End(Status(StatusCode::kAlreadyExists, "WORKER_REPLACED", why));
}

void Mailbox::AnswerDue() {
  MutexLock lock(mutex_);
  due_ = desired_ != nullptr;
  changed_.NotifyAll();
}

void Mailbox::End(Status status) {
  MutexLock lock(mutex_);
  if (!ended_) status_ = std::move(status);
  ended_ = true;
  changed_.NotifyAll();
}

std::optional<SessionMessage> Mailbox::TakeLocked() {
  if (!due_ || ended_) return std::nullopt;
  due_ = false;
  return SessionMessage{desired_, std::exchange(sent_, true)};
}

std::optional<SessionMessage> Mailbox::TakeNow() {
  MutexLock lock(mutex_);
  return TakeLocked();
}

std::optional<SessionMessage> Mailbox::Take() {
  MutexLock lock(mutex_);
  while (!due_ && !ended_) changed_.Wait(mutex_);
  return TakeLocked();
}

Status Mailbox::status() {
  MutexLock lock(mutex_);
  return status_;
}

void Mailbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

bool Mailbox::WaitClosed(int64_t timeout_ms) {
  const int64_t deadline_ms = SystemClock().MonotonicMs() + timeout_ms;
  MutexLock lock(mutex_);
  while (!closed_) {
    const int64_t left_ms = deadline_ms - SystemClock().MonotonicMs();
    if (left_ms <= 0) return false;
    (void)changed_.WaitFor(mutex_, left_ms);
  }
  return true;
}

}  // namespace braid::coordinator
