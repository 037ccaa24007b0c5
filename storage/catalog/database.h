// One SQLite connection behind Status. Statements are prepared once and kept. Not thread-safe.
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

using Value = std::variant<int64_t, double, std::string>;

// The current row of a query.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string Text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Creates the file if `writable`. Errors name the path.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, bool writable);
  // How long a statement waits for the lock of another connection before it is kUnavailable.
  void SetBusyTimeout(int64_t timeout_ms);
  ~Database();

  // Any statements without values, without rows.
  Status Execute(const std::string& sql);
  // One statement. `sql` must outlive the connection (a literal, a static string). Returns the
  // number of changed rows.
  Result<int64_t> Run(const char* sql, const std::vector<Value>& values);
  Status Query(const char* sql, const std::vector<Value>& values,
               const std::function<Status(const Row&)>& row);
  Result<int64_t> QueryInt(const std::string& sql);
  // Moves what the WAL holds into the file, as far as no reader is in the way. Returns pages left
  // in the WAL.
  Result<int64_t> Checkpoint();

 private:
  Database(sqlite3* connection, std::string path)
      : connection_(connection), path_(std::move(path)) {}
  Result<sqlite3_stmt*> Prepared(const char* sql, const std::vector<Value>& values);
  Status Error(int code, const std::string& doing) const;

  sqlite3* connection_;
  std::string path_;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace braid::catalog
