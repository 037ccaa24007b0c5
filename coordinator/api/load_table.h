// How busy the machines of workers are and were: in memory alone, and apart from the core, which
// decides nothing by it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "coordinator/api/load_history.h"

namespace braid::coordinator {

// Thread-safe. Times are of one monotonic clock. A worker that has said nothing for an hour is
// forgotten, so that the table has no more of them than have reported within one.
class LoadTable {
 public:
  // A worker has reported. Impossible numbers are cut to possible ones.
  void Note(const std::string& worker, task::MachineLoad load, int64_t now_ms);
  // The newest report, if it is not older than a minute.
  std::optional<task::MachineLoad> Newest(const std::string& worker, int64_t now_ms) const;
  // Nullopt if nothing was heard of the worker in the last hour.
  std::optional<LoadCurves> Curves(const std::string& worker, int64_t now_ms) const;
  // Of how many workers something is known.
  size_t size() const;

 private:
  struct Entry {
    task::MachineLoad newest;
    int64_t newest_ms = 0;
    LoadHistory history;
  };
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ BRAID_GUARDED_BY(mutex_);
  int64_t looked_ms_ BRAID_GUARDED_BY(mutex_) = 0;  // for those that are to be forgotten
};

}  // namespace braid::coordinator
