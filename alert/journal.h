// How far each channel is, on the disk: what was delivered before a restart is not sent again, and
// what was not is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace braid::alert {

// Of one channel.
struct Progress {
  // The event up to which everything was looked at and delivered.
  int64_t seq = 0;
  int64_t sent = 0;
  int64_t dropped = 0;
  int64_t last_sent_ms = 0;  // wall clock; 0: never
  bool operator==(const Progress&) const = default;
};

// Thread-safe.
class Journal {
 public:
  // Reads the file. A channel that is new there begins with the events after `last_seq`: nobody
  // wants to be told what happened before they asked. So does one that is ahead of them, as after
  // an older catalog was put back. Channels that are not named are forgotten. kDataLoss for a file
  // that is not one of ours.
  static Result<Journal> Open(const std::string& path, const std::vector<std::string>& channels,
                              int64_t last_seq);
  Journal(Journal&& other) noexcept;

  Progress Of(const std::string& channel);
  // Durable when it returns OK. In memory it counts in any case, so that this process sends nothing
  // twice.
  Status Note(const std::string& channel, const Progress& progress);
  // Whether the disk was found nearly full, and that was said.
  bool disk_low();
  Status NoteDiskLow(bool low);

 private:
  explicit Journal(std::string path) : path_(std::move(path)) {}
  Status Write() BRAID_REQUIRES(mutex_);

  std::string path_;
  Mutex mutex_;
  std::map<std::string, Progress> channels_ BRAID_GUARDED_BY(mutex_);
  bool disk_low_ BRAID_GUARDED_BY(mutex_) = false;
};

}  // namespace braid::alert
