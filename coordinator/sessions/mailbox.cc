#include "coordinator/sessions/mailbox.h"

namespace braid::coordinator {

void Mailbox::Push(std::shared_ptr<const Desired> desired) {
  {
    MutexLock lock(mutex_);
    desired_ = std::move(desired);
    sent_ = false;
    due_ = true;
  }
  due_call_();
}

void Mailbox::Replaced(const std::string& why) {
  {
    MutexLock lock(mutex_);
    if (status_.ok())
      status_ = Status(StatusCode::kAlreadyExists, ErrorReason::kWorkerReplaced, why);
  }
  due_call_();
}

void Mailbox::AnswerDue() {
  {
    MutexLock lock(mutex_);
    if (desired_ == nullptr) return;
    due_ = true;
  }
  due_call_();
}

std::optional<SessionMessage> Mailbox::Take() {
  MutexLock lock(mutex_);
  if (!due_ || !status_.ok()) return std::nullopt;
  due_ = false;
  return SessionMessage{desired_, std::exchange(sent_, true)};
}

bool Mailbox::IsDue() {
  MutexLock lock(mutex_);
  return due_ && status_.ok();
}

Status Mailbox::status() {
  MutexLock lock(mutex_);
  return status_;
}

}  // namespace braid::coordinator
