// The interface of the coordinator's durable state. Catalog implements it; tests wrap it to inject
// errors.
#pragma once

#include <utility>
#include <vector>

#include "base/status.h"
#include "storage/catalog/past.h"
#include "storage/catalog/records.h"
#include "storage/catalog/update.h"

namespace braid::catalog {

// One thread at a time, except for ReadEvents.
class Store {
 public:
  virtual ~Store() = default;

  // Writes all updates and their events in one transaction, which is durable when the call returns.
  // `time_ms` (wall clock) becomes the time of the events. After an error nothing was written:
  //
  //   - kResourceExhausted (STORAGE_FULL), and kUnavailable if another program holds the lock: the
  //     same batch may be tried again later.
  //   - kAborted (STALE_LEASE) and kFailedPrecondition: an update meets a stale epoch, an ended row
  //     or a constraint, or cannot be written at all. rules.h should have found it, so it is an
  //     error of the programmer.
  //   - Anything else: the store cannot be trusted any more.
  virtual Status Commit(const Updates& updates, int64_t time_ms) = 0;
  // All rows, as the last commit left them.
  virtual Result<Image> Load() = 0;
  // Reads the rows that are not in memory. Used by the thread that commits; valid as long as the
  // store. Null: all rows are in memory from the start, and stay there.
  virtual Past* past() { return nullptr; }
  // Reads the rows that have to be in memory from the start: all of them if past() is null.
  virtual Result<LiveRows> LoadLive() {
    BRAID_ASSIGN_OR_RETURN(Image image, Load());
    return LiveRows{std::move(image), {}};
  }

  // Which events to read.
  struct EventQuery {
    int64_t since_seq = 0;
    // Only events of this run; empty: of all.
    std::string run;
    int64_t limit = 1000;
    // Return the last `limit` events after since_seq instead of the first ones.
    bool newest = false;
  };
  // Events with a sequence number above since_seq, in order. Thread-safe, also while Commit runs.
  virtual Result<std::vector<EventRecord>> ReadEvents(const EventQuery& query) = 0;
};

}  // namespace braid::catalog
