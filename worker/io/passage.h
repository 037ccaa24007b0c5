// Whether this worker reaches the coordinator's bucket, one way: whoever finds that it does not,
// keeps the others from trying for a while.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/bucket/http.h"

namespace braid::worker {

// Thread-safe.
class Passage {
 public:
  struct Options {
    std::string blocked, again;  // what the log says
    int64_t closed_ms = 10 * 60'000;
    const Clock* clock = &SystemClock();
  };
  explicit Passage(Options options) : options_(std::move(options)) {}

  bool IsOpen() const;
  // The log says why: once, until it has worked again.
  void Close(const std::string& why);
  void Worked();

 private:
  const Options options_;
  mutable Mutex mutex_;
  int64_t closed_until_ms_ BRAID_GUARDED_BY(mutex_) = 0;  // of the monotonic clock
  bool said_ BRAID_GUARDED_BY(mutex_) = false;            // that it does not work
};

// Why the bucket's server has not done what was asked, "HTTP 403 AccessDenied". Its text is left
// out but for a word: it may quote what was signed.
std::string WhyRefused(const storage::HttpAnswer& answer);

}  // namespace braid::worker
