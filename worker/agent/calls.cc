#include "worker/agent/calls.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace braid::worker {
namespace {

// The first pause is short, since most failures are a coordinator that is being restarted. The
// longest one bounds how late reports arrive once it is back.
constexpr int64_t kFirstPauseMs = 100;
constexpr int64_t kMaxPauseMs = 5'000;

}  // namespace

// A full disk is waited for like a coordinator that is away: sooner or later somebody makes room.
bool IsTransient(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded || status.Is(ErrorReason::kStorageFull);
}

// Pauses are drawn by the id of the boot: workers that lost the coordinator at the same moment do
// not all come back at the same moment.
Calls::Calls(const std::string& boot_id, Turn& turn) : draws_(1, boot_id), turn_(turn) {}

int64_t Calls::Once(const CallOwner& owner, Work work, Then then) {
  return Add({.owner = owner, .work = std::move(work), .then = std::move(then)});
}

int64_t Calls::RetryUntilSettled(const CallOwner& owner, Work work, Then then, Judge judge) {
  return Add({.owner = owner,
              .work = std::move(work),
              .then = std::move(then),
              .retries = true,
              .judge = std::move(judge),
              .backoff = Backoff(kFirstPauseMs, kMaxPauseMs)});
}

// A timer is a call without work. Advance runs its callback where it would try the work of another.
int64_t Calls::Later(const CallOwner& owner, int64_t ms, std::function<void()> then) {
  return Add({.owner = owner,
              .work = std::nullopt,
              .then = [run = std::move(then)](const Done&) { run(); },
              .wake_ms = turn_.now_ms + ms});
}

int64_t Calls::Add(Call call) {
  const int64_t id = ++last_id_;
  Call& added = calls_[id] = std::move(call);
  if (added.work.has_value()) Try(id, added);
  return id;
}

// Each try has an id of its own, so that the answer to one that was given up is not taken for the
// answer to the next.
void Calls::Try(int64_t id, Call& call) {
  call.wake_ms = kNever;
  call.try_id = ++last_id_;
  on_way_[call.try_id] = id;
  turn_.Add(Do{call.try_id, *call.work});
}

void Calls::OnDone(const Done& done) {
  const auto way = on_way_.extract(done.id);
  if (way.empty()) return;
  const auto found = calls_.find(way.mapped());
  Call& call = found->second;
  call.try_id = 0;
  // The call was cancelled while its try was on its way.
  if (call.then == nullptr) {
    calls_.erase(found);
    return;
  }
  Done judged = done;
  if (call.judge != nullptr) judged.status = call.judge(done.status);
  if (call.retries && IsTransient(judged.status)) {
    SayIfDiskFull(call, judged.status);
    call.wake_ms = turn_.now_ms + call.backoff.Next(draws_.Uniform(drawn_++));
    return;
  }
  if (call.disk_full && judged.status.ok())
    turn_.Say(LogLevel::kInfo, call.owner, "there is room on the disk again");
  // The entry is erased before the callback runs, because the callback may add or cancel calls.
  const Then then = std::move(call.then);
  calls_.erase(found);
  then(judged);
}

void Calls::SayIfDiskFull(Call& call, const Status& status) {
  if (call.disk_full || !status.Is(ErrorReason::kStorageFull)) return;
  call.disk_full = true;
  turn_.Say(LogLevel::kWarning, call.owner, status.message() + "; waiting for room");
}

// Work that is on its way cannot be taken back, only asked to end early. Its entry stays, without a
// callback, until it has ended: InFlight and OnDone need it.
void Calls::CancelCall(std::map<int64_t, Call>::iterator call) {
  if (call->second.try_id == 0) {
    calls_.erase(call);
  } else if (call->second.then != nullptr) {
    call->second.then = nullptr;
    turn_.Add(CancelWork{call->second.try_id});
  }
}

void Calls::Cancel(int64_t id) {
  if (const auto call = calls_.find(id); call != calls_.end()) CancelCall(call);
}

void Calls::CancelAll(const CallOwner& owner) {
  for (auto call = calls_.begin(); call != calls_.end();) {
    const auto next = std::next(call);
    if (call->second.owner == owner) CancelCall(call);
    call = next;
  }
}

bool Calls::InFlight(const CallOwner& owner) const {
  return std::any_of(calls_.begin(), calls_.end(), [&](const auto& entry) {
    return entry.second.owner == owner && entry.second.try_id != 0;
  });
}

void Calls::Advance() {
  // Collected first, because what is run adds and cancels calls.
  std::vector<int64_t> due;
  for (const auto& [id, call] : calls_) {
    if (call.wake_ms <= turn_.now_ms) due.push_back(id);
  }
  for (const int64_t id : due) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;  // cancelled by one that was due before
    if (found->second.work.has_value()) {
      Try(id, found->second);
      continue;
    }
    const Then then = std::move(found->second.then);
    calls_.erase(found);
    then(Done());
  }
}

int64_t Calls::NextWake() const {
  int64_t wake = kNever;
  for (const auto& [id, call] : calls_) wake = std::min(wake, call.wake_ms);
  return wake;
}

}  // namespace braid::worker
