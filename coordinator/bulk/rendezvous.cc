#include "coordinator/bulk/rendezvous.h"

#include <algorithm>

#include "base/clock.h"

namespace braid::coordinator {

Status RendezvousTable::Put(const catalog::AttemptKey& generation, const std::string& key,
                            std::string_view value) {
  if (value.size() > kMaxValueBytes) {
    return InvalidArgument("rendezvous key " + key + " has " + std::to_string(value.size()) +
                           " bytes: at most " + std::to_string(kMaxValueBytes) + " are possible");
  }
  MutexLock lock(mutex_);
  std::erase_if(table_, [&](const auto& entry) {
    return entry.first.Job() == generation.Job() && entry.first.epoch < generation.epoch;
  });
  auto& keys = table_[generation];
  if (keys.size() >= kMaxKeys && !keys.contains(key)) {
    return InvalidArgument("generation " + generation.ToString() + " has too many rendezvous keys");
  }
  const auto [entry, added] = keys.try_emplace(key, value);
  if (!added && entry->second != value) {
    return AlreadyExists("rendezvous key " + key + " of " + generation.ToString() +
                         " has another value already");
  }
  changed_.NotifyAll();
  return OkStatus();
}

Result<std::string> RendezvousTable::Get(const catalog::AttemptKey& generation,
                                         const std::string& key, int64_t timeout_ms) {
  const Clock& clock = SystemClock();
  const int64_t end_ms = clock.MonotonicMs() + timeout_ms;
  MutexLock lock(mutex_);
  while (true) {
    if (closed_) return Unavailable("the coordinator is stopping");
    const auto keys = table_.find(generation);
    if (keys != table_.end()) {
      const auto value = keys->second.find(key);
      if (value != keys->second.end()) return value->second;
    }
    const int64_t left_ms = end_ms - clock.MonotonicMs();
    if (left_ms <= 0) {
      return DeadlineExceeded("rendezvous key " + key + " of " + generation.ToString() +
                              " was not put within " + std::to_string(timeout_ms) +
                              " ms: is another rank missing?");
    }
    (void)changed_.WaitFor(mutex_, std::min<int64_t>(left_ms, 1000));
  }
}

void RendezvousTable::Forget(const catalog::AttemptKey& generation) {
  MutexLock lock(mutex_);
  table_.erase(generation);
}

std::vector<catalog::AttemptKey> RendezvousTable::Generations() {
  MutexLock lock(mutex_);
  std::vector<catalog::AttemptKey> generations;
  for (const auto& [generation, keys] : table_) generations.push_back(generation);
  return generations;
}

void RendezvousTable::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

}  // namespace braid::coordinator
