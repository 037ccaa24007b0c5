// Callbacks at a given time: the deadlines of all calls that wait, in one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace braid::coordinator {

// Alarms that each ring once. Thread-safe.
class Alarms {
 public:
  using Id = uint64_t;
  // `clock` outlives it.
  explicit Alarms(const Clock* clock) : clock_(clock) {}
  ~Alarms() { Stop(); }
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

  // A thread calls what is due from now on. Tests that step a clock call RingDue() instead.
  void Start();
  // Nothing rings any more when it returns; what has not rung never will. May be repeated.
  void Stop();

  // Calls `ring` once, `delay_ms` from now or a little later, without any lock of this class. It
  // must be quick. Never returns 0, which stands for no alarm.
  Id After(int64_t delay_ms, std::function<void()> ring);
  // The alarm does not ring any more, unless it does just now. Unknown ids are fine.
  void Cancel(Id id);
  // Calls what is due, the earliest first.
  void RingDue();

 private:
  // The thread: sleeps until the earliest alarm, or until there is an earlier one.
  void Run();
  // How long until the earliest alarm is due, in ms; a long time if there is none.
  int64_t DelayLocked() const BRAID_REQUIRES(mutex_);

  const Clock* const clock_;
  Mutex mutex_;
  // An earlier alarm has come, or Stop was called.
  CondVar changed_;
  bool stop_ BRAID_GUARDED_BY(mutex_) = false;
  Id last_id_ BRAID_GUARDED_BY(mutex_) = 0;
  // By the time at which they are due, on `clock_`; the id makes keys of equal times different.
  std::map<std::pair<int64_t, Id>, std::function<void()>> due_ BRAID_GUARDED_BY(mutex_);
  // When each alarm is due: the other half of its key in `due_`.
  std::map<Id, int64_t> when_ BRAID_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace braid::coordinator
