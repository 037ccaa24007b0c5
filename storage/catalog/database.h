// One SQLite connection with errors as Status. Prepared statements are kept for the life of the
// connection. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace braid::catalog {

// A value that is bound to a parameter of a statement.
using Value = std::variant<int64_t, double, std::string>;

// The current row of a query; valid only during the callback that receives it. Columns count from 0
// in the order of the SELECT. A value is converted as SQLite does it; NULL gives 0 or an empty
// text.
class Row {
 public:
  // For Database. The statement must outlive the row and stand on a row of its result.
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  // The value of a column, converted.
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string Text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// A connection, closed at destruction. Errors: kResourceExhausted (STORAGE_FULL) for a full disk,
// kUnavailable for the lock of another program, kFailedPrecondition for a constraint, kDataLoss for
// a damaged file, kInternal for the rest.
class Database {
 public:
  // Opens the file at `path`; creates it if `writable`. Errors name the path.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, bool writable);
  // Sets how long a statement waits for the lock of another connection before it fails with
  // kUnavailable.
  void SetBusyTimeout(int64_t timeout_ms);
  ~Database();

  // Executes one or several statements that have neither parameters nor results.
  Status Execute(const std::string& sql);
  // Executes one statement with `values` bound to its parameters; returns the number of changed
  // rows. `sql` must outlive the connection, as its address is the key of the prepared statement: a
  // literal or a static string.
  Result<int64_t> Run(const char* sql, const std::vector<Value>& values);
  // Calls `row` for each row of the result, stops at its first error and returns it. `sql` as for
  // Run.
  Status Query(const char* sql, const std::vector<Value>& values,
               const std::function<Status(const Row&)>& row);
  // The first column of the first row; 0 if there is none. For rare queries: nothing is kept
  // prepared.
  Result<int64_t> QueryInt(const std::string& sql);
  // Copies the whole database to a new file at `path`, as it is at one moment: by SQLite's backup,
  // within a read transaction, so that it does not begin again whenever another connection commits.
  Status CopyTo(const std::string& path);
  // Copies the content of the WAL into the database file as far as no reader prevents it. Returns
  // the number of pages that remain in the WAL alone.
  Result<int64_t> Checkpoint();
  // Begins to count the pages in the WAL for wal_pages(). Turns SQLite's automatic checkpoints off:
  // the caller has to call Checkpoint.
  void CountWalPages();
  // The number of pages in the WAL after the last commit of this connection; 0 before
  // CountWalPages.
  int64_t wal_pages() const { return wal_pages_; }

 private:
  Database(sqlite3* connection, std::string path)
      : connection_(connection), path_(std::move(path)) {}
  // The statement of this text, with the values bound.
  Result<sqlite3_stmt*> Prepared(const char* sql, const std::vector<Value>& values);
  // The Status of an SQLite error code, with SQLite's own message.
  Status Error(int code, const std::string& doing) const;

  sqlite3* connection_;
  std::string path_;
  int64_t wal_pages_ = 0;
  // The prepared statements, by the address of their SQL text.
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace braid::catalog
