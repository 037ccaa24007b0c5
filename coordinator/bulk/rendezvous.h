// Keys that the ranks of one generation of a gang share: small, written once, in memory. A
// generation is forgotten with its attempt, at the latest when the next one comes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

class RendezvousTable {
 public:
  static constexpr size_t kMaxValueBytes = 64 * 1024;
  static constexpr size_t kMaxKeys = 4096;  // of one generation

  // The same value again is fine; another is kAlreadyExists. Too large or too many:
  // kInvalidArgument.
  Status Put(const catalog::AttemptKey& generation, const std::string& key, std::string_view value);
  // Waits for the key: kDeadlineExceeded after `timeout_ms`, kUnavailable after Close().
  Result<std::string> Get(const catalog::AttemptKey& generation, const std::string& key,
                          int64_t timeout_ms);
  // The attempt is over; nobody asks for its keys any more.
  void Forget(const catalog::AttemptKey& generation);
  // Those that have keys here.
  std::vector<catalog::AttemptKey> Generations();
  // Wakes all who wait; nobody waits any more.
  void Close();

 private:
  Mutex mutex_;
  CondVar changed_;
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
  std::map<catalog::AttemptKey, std::map<std::string, std::string>> table_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
