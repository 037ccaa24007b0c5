// Pieces of work that are under way (worker/agent/work.h), with their repetitions, the pauses
// between tries, and timers. Those who carry work out try once; repetition is decided here, and for
// log pieces and rendezvous keys, which depend on the answer, in growing_file.cc and rendezvous.cc.
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

// Whether another try may succeed: kUnavailable, kDeadlineExceeded, or the reason STORAGE_FULL.
bool IsTransient(const Status& status);

// The owner of a piece of work: a rank, or a transfer that several ranks share. Owners with the
// same text are the same owner. Names it in log lines.
using CallOwner = std::string;

// All work under way. A part of the agent; callbacks run within Agent::Handle.
class Calls {
 public:
  // Called once with the result of the last try.
  using Then = std::function<void(const Done& done)>;

  // Translates the status of a try into the status that decides; kUnavailable means one more try.
  // May keep counts.
  using Judge = std::function<Status(const Status& status)>;

  // `turn` outlives this. Pauses are drawn from a random stream named by `boot_id`.
  Calls(const std::string& boot_id, Turn& turn);

  // Tries once. Returns an id for Cancel, as do the other two.
  int64_t Once(const CallOwner& owner, Work work, Then then);

  // Tries until the status is OK or an error that is not transient, with pauses that grow from 0.1
  // s to 5 s, without a limit of tries. One log line says that a disk is full, and one that it has
  // room again.
  int64_t RetryUntilSettled(const CallOwner& owner, Work work, Then then, Judge judge = nullptr);

  // Calls `then` after `ms` milliseconds.
  int64_t Later(const CallOwner& owner, int64_t ms, std::function<void()> then);

  // Cancel one piece of work, or all of an owner: the callback is not called, and nothing is tried
  // again. A try that is under way gets the effect CancelWork and may end early. Unknown ids are
  // ignored.
  void Cancel(int64_t id);
  void CancelAll(const CallOwner& owner);

  // Whether a try of this owner is on its way, cancelled or not. Its files must not be removed
  // until then.
  bool InFlight(const CallOwner& owner) const;

  // Whether nothing is on its way and no timer runs.
  bool empty() const { return calls_.empty(); }

  // Takes the result of a try. A result that comes twice, or with an unknown id, is ignored.
  void OnDone(const Done& done);

  // Starts the tries and calls the timers that are due at turn.now_ms.
  void Advance();
  // The earliest time at which Advance has something to do; kNever if there is none.
  int64_t NextWake() const;

 private:
  // A piece of work with its repetitions, or a timer.
  struct Call {
    CallOwner owner;
    // Absent for a timer of Later.
    std::optional<Work> work;
    // Null once the call is cancelled.
    Then then;
    bool retries = false;
    Judge judge;
    Backoff backoff{0, 0};
    // When the pause or the timer ends; kNever during a try.
    int64_t wake_ms = kNever;
    // Id of the try that is on its way; 0 during a pause.
    int64_t try_id = 0;
    // The log has said so already.
    bool disk_full = false;
  };
  // Returns its id.
  int64_t Add(Call call);
  // Hands the work out, under a new try id.
  void Try(int64_t id, Call& call);
  // Writes the line of the log when a disk becomes full, and when it has room again.
  void SayIfDiskFull(Call& call, const Status& status);
  // Forgets a timer or a pause; of a try that is on its way, only its callback.
  void CancelCall(std::map<int64_t, Call>::iterator call);

  // Pauses are drawn by their number, so that a test with a fixed boot id is reproducible.
  const RandomStream draws_;
  Turn& turn_;
  // Number of pauses drawn so far: the position in `draws_`.
  uint64_t drawn_ = 0;
  int64_t last_id_ = 0;
  std::map<int64_t, Call> calls_;  // by id
  // Id of a try to the id of its call. A call has a new try id with each repetition, so that a late
  // result of an earlier one is not taken for the present one's.
  std::map<int64_t, int64_t> on_way_;
};

}  // namespace braid::worker
