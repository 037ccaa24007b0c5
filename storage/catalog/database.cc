#include "storage/catalog/database.h"

#include <sqlite3.h>

#include <cerrno>

namespace braid::catalog {
namespace {

// Other programs that open the catalog, such as sqlite3, hold its lock for moments only.
constexpr int64_t kBusyMs = 5000;

// SQLite reports FULL for ENOSPC of a write alone. A quota, a limit on file sizes and a wal-index
// that cannot grow are the same situation for us: freeing space solves them. A failed fsync is not,
// whatever its errno, because then nobody knows what is on the disk.
bool IsFull(int code, int error) {
  const bool writing = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE ||
                       code == SQLITE_IOERR_SHMMAP;
  return (code & 0xff) == SQLITE_FULL ||
         (writing && (error == ENOSPC || error == EDQUOT || error == EFBIG));
}

}  // namespace

int64_t Row::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Row::Double(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string Row::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr
             ? std::string()
             : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, bool writable) {
  sqlite3* connection = nullptr;
  // Each connection is used by one thread at a time, so SQLite's own mutexes would only cost time.
  const int flags = (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX;
  errno = 0;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  std::unique_ptr<Database> database(new Database(connection, path));
  if (code != SQLITE_OK) return database->Error(code, "opening");
  sqlite3_extended_result_codes(connection, 1);
  database->SetBusyTimeout(kBusyMs);
  return database;
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

void Database::SetBusyTimeout(int64_t timeout_ms) {
  sqlite3_busy_timeout(connection_, static_cast<int>(timeout_ms));
}

Status Database::Error(int code, const std::string& doing) const {
  // The errno of the failed system call, if it was one; every caller sets errno to 0 before it
  // asks SQLite. sqlite3_system_errno covers only some of the calls.
  const int error = errno;
  const std::string what = doing + " catalog " + path_ + ": " +
                           (connection_ != nullptr ? sqlite3_errmsg(connection_)
                                                   : sqlite3_errstr(code));
  if (IsFull(code, error)) {
    return Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull,
                  what + " (free space on that disk, then try again)");
  }
  switch (code & 0xff) {
    // The update is wrong, not the store: only the decision that asked for it fails.
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return FailedPrecondition(what);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(what);
    case SQLITE_CANTOPEN:
      return NotFound(what);
    case SQLITE_LOCKED:
    case SQLITE_BUSY:
      return Unavailable(what +
                         " (another program holds its lock, perhaps a sqlite3 shell with an open "
                         "transaction: end it)");
    default:
      return Internal(what);
  }
}

Status Database::Execute(const std::string& sql) {
  errno = 0;
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : Error(code, "writing to");
}

Result<sqlite3_stmt*> Database::Prepared(const char* sql, const std::vector<Value>& values) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    errno = 0;
    const int code = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                                        nullptr);
    if (code != SQLITE_OK) return Error(code, std::string("preparing \"") + sql + "\" for");
  }
  int index = 0;
  for (const Value& value : values) {
    ++index;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* real = std::get_if<double>(&value)) {
      sqlite3_bind_double(statement, index, *real);
    } else {
      const auto& text = std::get<std::string>(value);
      // Not copied: whoever binds also runs the statement, and clears it before the values go.
      const int code = sqlite3_bind_text64(statement, index, text.data(), text.size(),
                                           SQLITE_STATIC, SQLITE_UTF8);
      if (code != SQLITE_OK) {
        sqlite3_clear_bindings(statement);
        return Error(code, "writing " + std::to_string(text.size()) + " bytes of text to");
      }
    }
  }
  return statement;
}

Result<int64_t> Database::Run(const char* sql, const std::vector<Value>& values) {
  BRAID_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepared(sql, values));
  errno = 0;
  const int code = sqlite3_step(statement);
  Status status = code == SQLITE_DONE || code == SQLITE_ROW ? OkStatus()
                                                            : Error(code, "writing to");
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  BRAID_RETURN_IF_ERROR(status);
  return static_cast<int64_t>(sqlite3_changes(connection_));
}

Status Database::Query(const char* sql, const std::vector<Value>& values,
                       const std::function<Status(const Row&)>& row) {
  BRAID_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepared(sql, values));
  Status status;
  int code = SQLITE_ROW;
  // Reading may have to let the wal-index grow, which a full disk refuses as well.
  const auto step = [&] {
    errno = 0;
    return sqlite3_step(statement);
  };
  while (status.ok() && (code = step()) == SQLITE_ROW) status = row(Row(statement));
  if (status.ok() && code != SQLITE_DONE) status = Error(code, "reading");
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return status;
}

Result<int64_t> Database::QueryInt(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  errno = 0;
  int code = sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr);
  if (code != SQLITE_OK) return Error(code, "reading");
  code = sqlite3_step(statement);
  const int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  const Status status = code == SQLITE_ROW || code == SQLITE_DONE ? OkStatus()
                                                                  : Error(code, "reading");
  sqlite3_finalize(statement);
  BRAID_RETURN_IF_ERROR(status);
  return value;
}

Status Database::CopyTo(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const auto target, Open(path, /*writable=*/true));
  // The first read begins the snapshot.
  BRAID_RETURN_IF_ERROR(Execute("BEGIN; SELECT count(*) FROM sqlite_schema;"));
  errno = 0;
  sqlite3_backup* const backup = sqlite3_backup_init(target->connection_, "main", connection_,
                                                     "main");
  int code = backup == nullptr ? sqlite3_errcode(target->connection_) : SQLITE_OK;
  if (backup != nullptr) {
    // sqlite3_backup_step copies all remaining pages for a negative number.
    constexpr int kAllPages = -1;
    (void)sqlite3_backup_step(backup, kAllPages);
    code = sqlite3_backup_finish(backup);
  }
  const Status status = code == SQLITE_OK ? OkStatus() : target->Error(code, "copying to");
  (void)Execute("COMMIT");
  // The copied header says WAL mode; in another mode the copy is a single file.
  return status.ok() ? target->Execute("PRAGMA journal_mode=DELETE") : status;
}

void Database::CountWalPages() {
  (void)sqlite3_wal_hook(
      connection_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Result<int64_t> Database::Checkpoint() {
  int in_wal = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &in_wal, &moved);
  if (code != SQLITE_OK && code != SQLITE_BUSY) return Error(code, "checkpointing");
  return static_cast<int64_t>(in_wal - moved);
}

}  // namespace braid::catalog
