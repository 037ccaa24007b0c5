#include "coordinator/waiting/wakeups.h"

#include <vector>

namespace braid::coordinator {

std::unique_ptr<Wakeups::Subscription> Wakeups::Subscribe(const std::string& topic, Wake wake) {
  MutexLock lock(mutex_);
  const uint64_t id = ++last_id_;
  topics_[topic][id] = std::make_shared<const Wake>(std::move(wake));
  return std::unique_ptr<Subscription>(new Subscription(this, topic, id));
}

void Wakeups::Notify(const std::string& topic) {
  std::vector<std::shared_ptr<const Wake>> wakes;
  {
    MutexLock lock(mutex_);
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    for (const auto& [id, wake] : found->second) wakes.push_back(wake);
  }
  // A wake may subscribe or drop a subscription: never under the lock.
  for (const auto& wake : wakes) (*wake)();
}

size_t Wakeups::subscriptions() {
  MutexLock lock(mutex_);
  size_t count = 0;
  for (const auto& [topic, wakes] : topics_) count += wakes.size();
  return count;
}

void Wakeups::Drop(const std::string& topic, uint64_t id) {
  std::shared_ptr<const Wake> dropped;  // ends outside of the lock: it may own what owns others
  MutexLock lock(mutex_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  const auto wake = found->second.find(id);
  if (wake != found->second.end()) {
    dropped = wake->second;
    found->second.erase(wake);
  }
  if (found->second.empty()) topics_.erase(found);
}

}  // namespace braid::coordinator
