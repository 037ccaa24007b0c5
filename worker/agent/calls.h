// Work that is under way, and what is done when it has ended: tries, pauses between them, and plain
// waiting. Every way in which a worker tries again is here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/random.h"
#include "worker/agent/backoff.h"
#include "worker/agent/event.h"
#include "worker/agent/turn.h"
#include "worker/agent/work.h"

namespace braid::worker {

// Whether trying again may help: kUnavailable, kDeadlineExceeded, STORAGE_FULL.
bool IsTransient(const Status& status);

// For whom work is done: a rank, or all that wait for a blob. Names it in log lines.
using CallOwner = std::string;

class Calls {
 public:
  // Hears the last try.
  using Then = std::function<void(const Done& done)>;
  // The status that decides, in place of that of a try: kUnavailable for one more.
  using Judge = std::function<Status(const Status& status)>;

  // Pauses are drawn from a stream that `boot_id` names.
  Calls(const std::string& boot_id, Turn& turn);

  // Tries once. Returns an id for Cancel, as the others do.
  int64_t Once(const CallOwner& owner, Work work, Then then);
  // Tries until the status is not transient, with pauses that grow from 0.1 to 5 s. A disk that is
  // full is said once, and so is that there is room again.
  int64_t RetryUntilSettled(const CallOwner& owner, Work work, Then then, Judge judge = nullptr);
  // Calls `then` after a while.
  int64_t Later(const CallOwner& owner, int64_t ms, std::function<void()> then);

  // `then` is not called any more, and nothing is tried again. What is on its way goes on, but is
  // told that nobody waits.
  void Cancel(int64_t id);
  void CancelAll(const CallOwner& owner);
  // Whether a try of this owner is on its way, cancelled or not.
  bool InFlight(const CallOwner& owner) const;
  // Nothing is on its way or waits.
  bool empty() const { return calls_.empty(); }

  // A repeated or unknown answer changes nothing.
  void OnDone(const Done& done);
  // Everything whose time has come.
  void Advance();
  int64_t NextWake() const;

 private:
  struct Call {
    CallOwner owner;
    std::optional<Work> work;  // none: a pause alone
    Then then;                 // null: cancelled
    bool retries = false;
    Judge judge;
    Backoff backoff{0, 0};
    int64_t wake_ms = kNever;  // of a pause
    int64_t try_id = 0;        // of the try on its way, or 0
    bool disk_full = false;
  };
  int64_t Add(Call call);
  void Try(int64_t id, Call& call);
  void SayIfDiskFull(Call& call, const Status& status);
  void CancelCall(std::map<int64_t, Call>::iterator call);

  const RandomStream draws_;
  Turn& turn_;
  uint64_t drawn_ = 0;
  int64_t last_id_ = 0;
  std::map<int64_t, Call> calls_;      // by id
  std::map<int64_t, int64_t> on_way_;  // id of a try -> id of its call
};

}  // namespace braid::worker
