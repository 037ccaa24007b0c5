// Rate limits of calls: a token bucket for each caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace braid::coordinator {

// The limits. Rates are average calls per second of one caller; 0: no limit. A caller may make the
// calls of Rates::kBurstS seconds at once.
struct RateLimits {
  double people = 1'000;
  double workers = 5'000;
  // Calls of one person that are open at the same time, such as followed logs; 0: any number.
  int64_t open = 1'000;
};

// Counts the open calls of each person. Thread-safe.
class OpenCounts {
 public:
  // Counts one more call of `who`. Returns false, and counts nothing, if `most` are open already
  // (0: no limit).
  bool Enter(const std::string& who, int64_t most);
  // Counts one call less. REQUIRES: an Enter that returned true.
  void Leave(const std::string& who);

 private:
  Mutex mutex_;
  std::map<std::string, int64_t> counts_ BRAID_GUARDED_BY(mutex_);
};

// The token buckets of all callers. Thread-safe.
class Rates {
 public:
  static constexpr double kBurstS = 10;

  // Takes a token from the caller's bucket. Returns 0 if there was one, otherwise the number of
  // milliseconds until there is; then nothing is taken. `now_ms` is monotonic.
  int64_t Take(const std::string& who, double per_second, int64_t now_ms);
  // How many identities are remembered, for tests.
  size_t remembered();

 private:
  struct Bucket {
    std::string who;
    double tokens = 0;
    int64_t last_ms = 0;
    double per_second = 0;
  };
  using Buckets = std::list<Bucket>;
  static void Fill(Bucket* bucket, int64_t now_ms);
  // The bucket of this identity, which is now the last of the list; a new one is full.
  Bucket& BucketOf(const std::string& who, double per_second, int64_t now_ms)
      BRAID_REQUIRES(mutex_);

  Mutex mutex_;
  // In the order in which they were last asked for, so that those that are full again, and need not
  // be remembered, are found at the beginning.
  Buckets buckets_ BRAID_GUARDED_BY(mutex_);
  // By the names in the buckets.
  std::map<std::string_view, Buckets::iterator> by_name_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
