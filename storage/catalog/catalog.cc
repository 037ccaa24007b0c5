#include "storage/catalog/catalog.h"

#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "storage/catalog/rows.h"
#include "storage/catalog/schema.h"

namespace braid::catalog {
namespace {

// A checkpoint copies the WAL into the file. At each commit it would cost a second fsync; left out
// for long, the WAL would fill the disk, slow readers down, and make one checkpoint take long. So
// it comes when the WAL has this many pages of 4 KiB (32 MiB). Readers may keep it from copying
// all, and it is tried again after as many more.
constexpr int64_t kCheckpointPages = 8192;
// Another program, such as a backup or a shell, may hold SQLite's lock for a moment. At the start,
// waiting is all there is to do. A commit waits for a short time only and then fails with
// kUnavailable: the loop that asked for it goes on with requests that need no write, and tries
// again.
constexpr int64_t kStartBusyMs = 20'000;
constexpr int64_t kCommitBusyMs = 100;

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::Open(const Options& options) {
  BRAID_ASSIGN_OR_RETURN(auto writer, Database::Open(options.path, /*writable=*/true));
  // SQLite gives the WAL files the mode of the main file, so this one call protects all of them.
  (void)chmod(options.path.c_str(), 0600);
  writer->SetBusyTimeout(kStartBusyMs);
  // One writer that alone checkpoints: SQLite before 3.51.3 may lose a WAL reset when two
  // connections do.
  BRAID_RETURN_IF_ERROR(
      writer->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                      "PRAGMA wal_autocheckpoint=0;"
                      "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                      // 32 MiB: the pages of 100,000 jobs that commits touch.
                      "PRAGMA cache_size=-32768;"));
  writer->CountWalPages();
  BRAID_RETURN_IF_ERROR(Migrate(*writer, options.path));
  if (options.max_pages > 0) {
    BRAID_RETURN_IF_ERROR(
        writer->Execute("PRAGMA max_page_count=" + std::to_string(options.max_pages)));
  }
  BRAID_ASSIGN_OR_RETURN(auto reader, Database::Open(options.path, /*writable=*/false));
  std::unique_ptr<Catalog> catalog(new Catalog(std::move(writer), std::move(reader)));
  BRAID_ASSIGN_OR_RETURN(catalog->last_seq_,
                         catalog->writer_->QueryInt("SELECT coalesce(max(seq), 0) FROM events"));
  BRAID_RETURN_IF_ERROR(
      catalog->writer_->Query("SELECT id FROM identity", {}, [&](const Row& row) -> Status {
        catalog->id_ = row.Text(0);
        return OkStatus();
      }));
  catalog->writer_->SetBusyTimeout(kCommitBusyMs);
  return catalog;
}

Catalog::~Catalog() {
  {
    MutexLock lock(reader_mutex_);
    reader_.reset();
  }
  (void)writer_->Checkpoint();
}

Status Catalog::Commit(const Updates& updates, int64_t time_ms) {
  if (updates.empty()) return OkStatus();
  const int64_t seq_before = last_seq_;
  BRAID_RETURN_IF_ERROR(writer_->Execute("BEGIN IMMEDIATE"));
  Status status = WriteGuarded(updates, time_ms);
  if (status.ok()) status = writer_->Execute("COMMIT");
  if (!status.ok()) {
    (void)writer_->Execute("ROLLBACK");
    last_seq_ = seq_before;
    return status;
  }
  CheckpointIfLarge();
  return OkStatus();
}

void Catalog::CheckpointIfLarge() {
  // A WAL that was copied as a whole begins anew with the next commit.
  if (writer_->wal_pages() < checkpointed_pages_) checkpointed_pages_ = 0;
  if (writer_->wal_pages() < checkpointed_pages_ + kCheckpointPages) return;
  (void)writer_->Checkpoint();
  checkpointed_pages_ = writer_->wal_pages();
}

// JSON columns cannot hold text that is not UTF-8: the library throws. Such a value is the fault of
// one update, not of the store, and must not end the process.
Status Catalog::WriteGuarded(const Updates& updates, int64_t time_ms) {
  try {
    return Write(updates, time_ms);
  } catch (const std::exception& error) {
    return FailedPrecondition(std::string("an update cannot be written to the catalog: ") +
                              error.what());
  }
}

Status Catalog::Write(const Updates& updates, int64_t time_ms) {
  for (const Update& update : updates) {
    BRAID_RETURN_IF_ERROR(WriteUpdate(*writer_, update));
    std::optional<EventRecord> event = EventOf(update);
    if (!event.has_value()) continue;
    event->seq = ++last_seq_;
    event->time_ms = time_ms;
    BRAID_RETURN_IF_ERROR(Insert<EventsTable>(*writer_, *event).status());
  }
  return OkStatus();
}

Result<Image> Catalog::Load() {
  return LoadImage(*writer_);
}

Result<LiveRows> Catalog::LoadLive() {
  return LoadLiveRows(*writer_);
}

Result<std::vector<EventRecord>> Catalog::ReadEvents(const EventQuery& query) {
  std::vector<EventRecord> events;
  const auto collect = [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(EventRecord event, RecordOf<EventsTable>(row));
    events.push_back(std::move(event));
    return OkStatus();
  };
  MutexLock lock(reader_mutex_);
  if (reader_ == nullptr) return Unavailable("the catalog is closing");
  static const std::string select = "SELECT " + ColumnNames<EventsTable>() + " FROM events ";
  static const std::string first = select + "WHERE seq > ? ORDER BY seq LIMIT ?";
  static const std::string last = select + "WHERE seq > ? ORDER BY seq DESC LIMIT ?";
  static const std::string first_of_run = select + "WHERE seq > ? AND run = ? ORDER BY seq LIMIT ?";
  static const std::string last_of_run = select +
                                         "WHERE seq > ? AND run = ? ORDER BY seq DESC LIMIT ?";
  if (query.run.empty()) {
    BRAID_RETURN_IF_ERROR(reader_->Query((query.newest ? last : first).c_str(),
                                         {query.since_seq, query.limit}, collect));
  } else {
    BRAID_RETURN_IF_ERROR(reader_->Query((query.newest ? last_of_run : first_of_run).c_str(),
                                         {query.since_seq, query.run, query.limit}, collect));
  }
  if (query.newest) std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace braid::catalog
