// Where the coordinator's facts are kept. The catalog is the real one; tests put faults around it.
#pragma once

#include <vector>

#include "base/status.h"
#include "storage/catalog/records.h"
#include "storage/catalog/update.h"

namespace braid::catalog {

class Store {
 public:
  virtual ~Store() = default;

  // Writes all updates and their events in one transaction; durable when it returns. On an error
  // nothing was written. kResourceExhausted (STORAGE_FULL) and kUnavailable (another program holds
  // the lock) may be tried again later. An update that meets a stale epoch, an ended row or a
  // constraint, or that cannot be written at all, is a programmer's error and fails the batch:
  // kAborted (STALE_LEASE) or kFailedPrecondition. Anything else means that the store is not to be
  // trusted. Called by one thread at a time.
  virtual Status Commit(const Updates& updates, int64_t time_ms) = 0;
  virtual Result<Image> Load() = 0;

  struct EventQuery {
    int64_t since_seq = 0;
    std::string run;  // empty: all
    int64_t limit = 1000;
    bool newest = false;  // the last `limit` after since_seq instead of the first
  };
  // In order of seq. Thread-safe, also beside Commit.
  virtual Result<std::vector<EventRecord>> ReadEvents(const EventQuery& query) = 0;
};

}  // namespace braid::catalog
