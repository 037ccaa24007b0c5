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

// The tables of all attempts. Thread-safe. Waiting occupies no thread: a request for a missing key
// leaves a callback.
class RendezvousTable {
 public:
  static constexpr size_t kMaxValueBytes = 64 * 1024;
  static constexpr size_t kMaxKeys = 4096;  // of one generation

  // Stores a value and answers all waiters for the key. Storing the same value again is OK; another
  // value is kAlreadyExists. kInvalidArgument for a value that is too large and for too many keys.
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
  // The number of waiters, for metrics and tests.
  size_t waiting();

  // Drops the keys of an attempt that has ended.
  void Forget(const catalog::AttemptKey& generation);
  // The attempts that have keys here.
  std::vector<catalog::AttemptKey> Generations();
  // Answers all waiters, and all later calls of Get, with kUnavailable.
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
