// Alerts of the coordinator: converts the catalog's events to alerts, watches the free space of the
// disk, and sends alerts through alert/dispatcher.h. No other part of the coordinator waits for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "alert/dispatcher.h"
#include "alert/journal.h"
#include "alert/settings.h"
#include "base/mutex.h"
#include "coordinator/core/core.h"
#include "storage/catalog/reader.h"
#include "storage/catalog/store.h"

namespace braid::coordinator {

// Thread-safe between Start and Stop.
class AlertCenter {
 public:
  // Reads how far each channel is. `dir` is the coordinator's folder; all that is pointed to
  // outlives this. Nothing is sent before Start.
  static Result<std::unique_ptr<AlertCenter>> Create(alert::Settings settings,
                                                     const std::string& dir,
                                                     const std::string& coordinator_id,
                                                     catalog::Store* store,
                                                     const catalog::Reader* reader, Core* core);
  ~AlertCenter() { Stop(); }

  // REQUIRES: the core's loop runs, and runs until Stop has returned.
  void Start();
  // Ends what is being sent, so that no call waits for it; returns at once.
  void Halt();
  // May take about a second. What is not delivered then is sent after the next start.
  void Stop();

  // Both between Start and Stop.
  std::vector<alert::ChannelState> Channels() { return dispatcher_->Channels(); }
  // Sends a test alert by the channel now, in this thread. kNotFound for an unknown channel.
  Result<alert::Outcome> SendTest(const std::string& channel);

 private:
  AlertCenter(alert::Settings settings, std::string dir, std::string coordinator_id,
              catalog::Store* store, const catalog::Reader* reader, Core* core,
              alert::Journal journal)
      : settings_(std::move(settings)),
        dir_(std::move(dir)),
        coordinator_id_(std::move(coordinator_id)),
        store_(store),
        reader_(reader),
        core_(core),
        journal_(std::move(journal)) {}

  // The next events after `seq`, and what of them is an alert.
  Result<std::vector<alert::Found>> ReadAfter(int64_t seq) const;
  alert::Alert AlertFor(alert::Kind kind, const catalog::EventRecord& event) const;
  // Whom new events wake from now on; null: nobody.
  void Ring(alert::Dispatcher* dispatcher);
  // The body of the thread that looks after the disk.
  void WatchDisk();
  // Writes an event once there is less room than the settings say, and one when there is clearly
  // more again.
  void LookAtDisk();

  const alert::Settings settings_;
  const std::string dir_;
  const std::string coordinator_id_;
  catalog::Store* const store_;
  const catalog::Reader* const reader_;
  Core* const core_;
  alert::Journal journal_;
  std::unique_ptr<alert::Dispatcher> dispatcher_;
  // What the subscription calls, which may do so once more while it is being dropped.
  struct Bell {
    Mutex mutex;
    alert::Dispatcher* rings BRAID_GUARDED_BY(mutex) = nullptr;
  };
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::unique_ptr<Wakeups::Subscription> subscription_;
  Mutex mutex_;
  CondVar changed_;
  bool stop_ BRAID_GUARDED_BY(mutex_) = false;
  std::thread disk_thread_;
};

}  // namespace braid::coordinator
