// Callbacks that are called when something happens to a topic: a line was added to a job's log, an
// event of a run is durable. This is how a followed stream waits without a thread.
//
// A wake-up carries no data: the subscriber looks by itself for what is new. To miss nothing,
// subscribe first and look afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace braid::coordinator {

// The subscriptions to all topics. Thread-safe.
class Wakeups {
 public:
  // Called in the thread that notifies, without any lock of this class: it must be quick, and hand
  // longer work on. It may still run while its subscription is being dropped, so it must not depend
  // on anything that goes with it: capture a weak_ptr.
  using Wake = std::function<void()>;

  // Ends with the object, which the Wakeups must outlive.
  class Subscription {
   public:
    ~Subscription() { wakeups_->Drop(topic_, id_); }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    friend class Wakeups;
    Subscription(Wakeups* wakeups, std::string topic, uint64_t id)
        : wakeups_(wakeups), topic_(std::move(topic)), id_(id) {}
    Wakeups* const wakeups_;
    const std::string topic_;
    const uint64_t id_;
  };

  // Calls `wake` whenever `topic` is notified, as long as the subscription lives. Any text is a
  // topic.
  [[nodiscard]] std::unique_ptr<Subscription> Subscribe(const std::string& topic, Wake wake);
  // Calls all that are subscribed to `topic`, each once.
  void Notify(const std::string& topic);
  // The number of subscriptions, for metrics and tests.
  size_t subscriptions();

 private:
  void Drop(const std::string& topic, uint64_t id);

  Mutex mutex_;
  uint64_t last_id_ BRAID_GUARDED_BY(mutex_) = 0;
  // Shared, so that Notify can call them without the lock.
  std::map<std::string, std::map<uint64_t, std::shared_ptr<const Wake>>> topics_
      BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
