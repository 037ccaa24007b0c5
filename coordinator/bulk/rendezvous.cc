#include "coordinator/bulk/rendezvous.h"

namespace braid::coordinator {

Status RendezvousTable::Put(const catalog::AttemptKey& generation, const std::string& key,
                            std::string_view value) {
  if (value.size() > kMaxValueBytes) {
    return InvalidArgument("rendezvous key " + key + " has " + std::to_string(value.size()) +
                           " bytes: at most " + std::to_string(kMaxValueBytes) + " are possible");
  }
  std::vector<Done> answered;
  {
    MutexLock lock(mutex_);
    // A coordinator that was told of no end (it crashed in between) forgets an old generation now.
    std::erase_if(table_, [&](const auto& entry) {
      return entry.first.Job() == generation.Job() && entry.first.epoch < generation.epoch;
    });
    auto& keys = table_[generation];
    if (keys.size() >= kMaxKeys && !keys.contains(key)) {
      return InvalidArgument("generation " + generation.ToString() +
                             " has too many rendezvous keys");
    }
    const auto [entry, added] = keys.try_emplace(key, value);
    if (!added && entry->second != value) {
      return AlreadyExists("rendezvous key " + key + " of " + generation.ToString() +
                           " has another value already");
    }
    std::erase_if(waiters_, [&](auto& waiter) {
      if (waiter.second.generation != generation || waiter.second.key != key) return false;
      answered.push_back(std::move(waiter.second.done));
      return true;
    });
  }
  // Without the lock: an answer may ask for the next key.
  for (const Done& done : answered) done(std::string(value));
  return OkStatus();
}

const std::string* RendezvousTable::Find(const catalog::AttemptKey& generation,
                                         const std::string& key) {
  const auto keys = table_.find(generation);
  if (keys == table_.end()) return nullptr;
  const auto value = keys->second.find(key);
  return value == keys->second.end() ? nullptr : &value->second;
}

RendezvousTable::WaiterId RendezvousTable::Get(const catalog::AttemptKey& generation,
                                               const std::string& key, Done done) {
  // What a closed table says; an open one has the value, or keeps the question.
  Result<std::string> answer = Unavailable("the coordinator is stopping");
  WaiterId id = 0;
  {
    MutexLock lock(mutex_);
    id = ++last_waiter_;
    if (!closed_) {
      const std::string* value = Find(generation, key);
      if (value == nullptr) {
        waiters_[id] = {generation, key, std::move(done)};
        return id;
      }
      answer = *value;
    }
  }
  done(std::move(answer));
  return id;
}

void RendezvousTable::GiveUp(WaiterId waiter, const Status& why) {
  Done done;
  {
    MutexLock lock(mutex_);
    const auto found = waiters_.find(waiter);
    if (found == waiters_.end()) return;
    done = std::move(found->second.done);
    waiters_.erase(found);
  }
  done(why);
}

size_t RendezvousTable::waiting() {
  MutexLock lock(mutex_);
  return waiters_.size();
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
  std::map<WaiterId, Waiter> waiters;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiters.swap(waiters_);
  }
  for (const auto& [id, waiter] : waiters) waiter.done(Unavailable("the coordinator is stopping"));
}

}  // namespace braid::coordinator
