// The key-value table through which the ranks of a gang find each other, one table for each attempt
// (a "generation" of the gang): values are small, written once, in memory, and forgotten with the
// attempt, at the latest when the next one comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// Thread-safe. Waiting holds no thread: who asks for a key that is not there yet leaves a callback.
class RendezvousTable {
 public:
  static constexpr size_t kMaxValueBytes = 64 * 1024;
  static constexpr size_t kMaxKeys = 4096;  // of one generation

  // The same value again is fine; another is kAlreadyExists. Too large or too many:
  // kInvalidArgument. Answers all who wait for the key.
  Status Put(const catalog::AttemptKey& generation, const std::string& key, std::string_view value);

  // Called exactly once, without any lock of this class: at once, or by the thread of Put, GiveUp
  // or Close. It must be quick.
  using Done = std::function<void(Result<std::string>)>;
  using WaiterId = uint64_t;
  // Answers with the value as soon as it is there; kUnavailable after Close(). The id is for
  // GiveUp.
  WaiterId Get(const catalog::AttemptKey& generation, const std::string& key, Done done);
  // Answers the waiter with an error, unless it has its answer.
  void GiveUp(WaiterId waiter, const Status& why);
  // How many wait, for metrics and tests.
  size_t waiting();

  // The attempt is over; nobody asks for its keys any more.
  void Forget(const catalog::AttemptKey& generation);
  // Those that have keys here.
  std::vector<catalog::AttemptKey> Generations();
  // Answers all who wait, and whoever asks from now on, with kUnavailable.
  void Close();

 private:
  // Who waits for a key, and where the answer goes.
  struct Waiter {
    catalog::AttemptKey generation;
    std::string key;
    Done done;
  };
  // Null if the key was not put yet.
  const std::string* Find(const catalog::AttemptKey& generation, const std::string& key)
      BRAID_REQUIRES(mutex_);

  Mutex mutex_;
  // The coordinator is stopping: nobody waits any more.
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
  std::map<catalog::AttemptKey, std::map<std::string, std::string>> table_ BRAID_GUARDED_BY(mutex_);
  WaiterId last_waiter_ BRAID_GUARDED_BY(mutex_) = 0;
  // Who waits for keys that are not there yet.
  std::map<WaiterId, Waiter> waiters_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
