// The SQLite file behind the coordinator (WAL, synchronous=FULL). One connection writes and
// checkpoints; another, read-only, serves events. SQL stands only in this folder.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "storage/catalog/database.h"
#include "storage/catalog/store.h"

namespace braid::catalog {

class Catalog final : public Store {
 public:
  struct Options {
    std::string path;
    // Bound of the file in pages of 4 KiB, 0 for none. For tests of a full disk.
    int64_t max_pages = 0;
  };
  // Opens or creates, migrates, checks. The caller keeps other processes out (a lock file).
  static Result<std::unique_ptr<Catalog>> Open(const Options& options);
  ~Catalog() override;

  Status Commit(const Updates& updates, int64_t time_ms) override;
  Result<Image> Load() override;
  Result<std::vector<EventRecord>> ReadEvents(const EventQuery& query) override;

 private:
  Catalog(std::unique_ptr<Database> writer, std::unique_ptr<Database> reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}
  Status Write(const Updates& updates, int64_t time_ms);
  Status WriteGuarded(const Updates& updates, int64_t time_ms);

  std::unique_ptr<Database> writer_;
  int64_t last_seq_ = 0;
  int64_t commits_ = 0;
  Mutex reader_mutex_;
  std::unique_ptr<Database> reader_ BRAID_GUARDED_BY(reader_mutex_);
};

// One update as SQL. kAborted (STALE_LEASE) if a guarded row is not as the update requires.
// (write.cc)
Status WriteUpdate(Database& database, const Update& update);
// All tables into memory. (load.cc)
Result<Image> LoadImage(Database& database);

}  // namespace braid::catalog
