// The position of each channel in the events, kept on the disk, so that after a restart no
// delivered alert is sent again and no other one is lost.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace braid::alert {

// The position of one channel.
struct Progress {
  // The number of the event up to which all alerts have been delivered or given up.
  int64_t seq = 0;
  int64_t sent = 0;
  int64_t dropped = 0;
  int64_t last_sent_ms = 0;  // wall clock; 0: never
  bool operator==(const Progress&) const = default;
};

// The file with the positions of all channels. Thread-safe.
class Journal {
 public:
  // Reads the file. A new channel begins with the events after `last_seq`: alerts about earlier
  // events are not wanted. So does a channel whose position is beyond `last_seq`, as after an older
  // catalog was restored. Channels that are not named are forgotten. kDataLoss for a file that is
  // not one of ours.
  static Result<Journal> Open(const std::string& path, const std::vector<std::string>& channels,
                              int64_t last_seq);
  Journal(Journal&& other) noexcept;

  // The position of a channel that was named to Open.
  Progress Of(const std::string& channel);
  // Stores the position, durably if the result is OK. The position in memory changes in any case,
  // so that this process sends nothing twice.
  Status Note(const std::string& channel, const Progress& progress);
  // Whether the disk was nearly full when last checked, and an alert for that was made; NoteDiskLow
  // stores it.
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
