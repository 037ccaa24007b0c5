// How often somebody may call: a bucket of tokens for each identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"

namespace braid::coordinator {

// Calls a second, on average; 0: any number. For `kBurstS` seconds' worth of calls at once nobody
// has to wait.
struct RateLimits {
  double people = 1'000;
  double workers = 5'000;
  // Calls of one person that are open at the same time, such as followed logs; 0: any number.
  int64_t open = 1'000;
};

// How many calls of each person are open. Thread-safe.
class OpenCounts {
 public:
  // One more of `who`, unless there are `most` (0: any number) already.
  bool Enter(const std::string& who, int64_t most);
  // One less. REQUIRES: an Enter that returned true.
  void Leave(const std::string& who);

 private:
  Mutex mutex_;
  std::map<std::string, int64_t> counts_ BRAID_GUARDED_BY(mutex_);
};

// Thread-safe.
class Rates {
 public:
  static constexpr double kBurstS = 10;

  // One more call of this identity: 0, or after how many milliseconds it may be made. `now_ms` is
  // monotonic.
  int64_t Take(const std::string& who, double per_second, int64_t now_ms);
  // How many identities are remembered, for tests.
  size_t remembered();

 private:
  // Identities whose buckets are full are forgotten when there are so many.
  static constexpr size_t kMost = 10'000;
  struct Bucket {
    double tokens = 0;
    int64_t last_ms = 0;
    double per_second = 0;
  };
  static void Fill(Bucket* bucket, int64_t now_ms);

  Mutex mutex_;
  std::map<std::string, Bucket> buckets_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
