// The SQLite file in which the coordinator keeps its durable state (journal mode WAL,
// synchronous=FULL). One connection writes and checkpoints the WAL; another one, read-only, serves
// events. SQL statements stand in this folder alone.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "storage/catalog/database.h"
#include "storage/catalog/sql_past.h"
#include "storage/catalog/store.h"

namespace braid::catalog {

// The Store on disk. Commit, Load, LoadLive and past() belong to one thread; ReadEvents is
// thread-safe.
class Catalog final : public Store {
 public:
  // How to open the catalog.
  struct Options {
    std::string path;
    // The largest size of the file in pages of 4 KiB; 0: no limit. For tests of a full disk.
    int64_t max_pages = 0;
  };
  // Opens the file or creates it, and migrates it to the schema of this program (schema.h). The
  // caller makes sure, with a lock file, that no other process uses the catalog.
  static Result<std::unique_ptr<Catalog>> Open(const Options& options);
  ~Catalog() override;

  // A random id of the catalog, made with the file. Workers and alert receivers identify the
  // coordinator by it, whatever its address. A restored backup has the same id.
  const std::string& id() const { return id_; }

  Status Commit(const Updates& updates, int64_t time_ms) override;
  Result<Image> Load() override;
  // Reads through the connection that writes, whose cache has the pages that are in use. Not within
  // a transaction: Commit has ended it before it returns.
  Past* past() override { return &past_; }
  Result<LiveRows> LoadLive() override;
  Result<std::vector<EventRecord>> ReadEvents(const EventQuery& query) override;

 private:
  Catalog(std::unique_ptr<Database> writer, std::unique_ptr<Database> reader)
      : writer_(std::move(writer)), past_(writer_.get()), reader_(std::move(reader)) {}
  // Writes all updates and their events within the open transaction. WriteGuarded turns exceptions
  // of a column's conversion into a Status.
  Status Write(const Updates& updates, int64_t time_ms);
  void CheckpointIfLarge();
  Status WriteGuarded(const Updates& updates, int64_t time_ms);

  std::unique_ptr<Database> writer_;
  SqlPast past_;
  std::string id_;
  // The sequence number of the newest event, which the next one continues.
  int64_t last_seq_ = 0;
  // Pages of the WAL at the last checkpoint.
  int64_t checkpointed_pages_ = 0;
  Mutex reader_mutex_;
  std::unique_ptr<Database> reader_ BRAID_GUARDED_BY(reader_mutex_);
};

// Executes the SQL of one update within the open transaction. kAborted (STALE_LEASE) if a row is
// not in the state that the update requires.
Status WriteUpdate(Database& database, const Update& update);
// Reads all tables except the events into memory. kDataLoss names the column with damaged content.
Result<Image> LoadImage(Database& database);
// The same of the rows that have to be in memory, and counts the others without reading them.
Result<LiveRows> LoadLiveRows(Database& database);

}  // namespace braid::catalog
