// The catalog's events as lines of the log, for those who collect logs in JSON: what happened to
// runs, jobs and attempts, with the spans that they belong to. In a thread of its own, for which
// nobody waits.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "coordinator/core/core.h"
#include "storage/catalog/store.h"

namespace braid::coordinator {

// What a line about the event is about: its run, job and attempt, and the span of the last of these
// that it names. `run`: the event's; null if there is none.
LogSubject SubjectOf(const catalog::EventRecord& event, const RunRecord* run,
                     const trace::Sampler& sampler);
// "attempt.granted: w1" with its detail.
std::string LogTextOf(const catalog::EventRecord& event);

class EventLog {
 public:
  // Logs the events from now on. Both outlive it. REQUIRES: the core's loop runs until this is
  // gone.
  EventLog(catalog::Store* store, Core* core);
  // Logs those that are there, and ends.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

 private:
  // Shared with the subscription, which may call it once more while it is being dropped.
  struct Bell {
    Mutex mutex;
    CondVar changed;
    bool news BRAID_GUARDED_BY(mutex) = false;
    bool stop BRAID_GUARDED_BY(mutex) = false;
  };
  void Run();
  // Logs the events after seq_.
  void LogNew();

  catalog::Store* const store_;
  Core* const core_;
  int64_t seq_;  // up to which they are logged
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::unique_ptr<Wakeups::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace braid::coordinator
