#include "storage/catalog/sql_past.h"

#include "storage/catalog/rows.h"

namespace braid::catalog {
namespace {

Result<std::vector<std::string>> ReadTexts(Database& database, const char* sql,
                                           const std::vector<Value>& values) {
  std::vector<std::string> texts;
  BRAID_RETURN_IF_ERROR(database.Query(sql, values, [&](const Row& row) -> Status {
    texts.push_back(row.Text(0));
    return OkStatus();
  }));
  return texts;
}

// The first text behind all that begin with `prefix`, so that an index finds them. Ids are ASCII.
std::string EndOf(std::string prefix) {
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace

Result<std::optional<RunRows>> SqlPast::ReadRun(const std::string& id) {
  static const std::string run_sql = Select<RunsTable>() + " WHERE id = ?";
  static const std::string jobs_sql = Select<JobsTable>() + " WHERE run = ? ORDER BY name";
  static const std::string attempts_sql = Select<AttemptsTable>() +
                                          " WHERE run = ? ORDER BY job, epoch";
  BRAID_ASSIGN_OR_RETURN(auto runs, ReadRows<RunsTable>(*database_, run_sql.c_str(), {id}));
  if (runs.empty()) return std::optional<RunRows>();
  RunRows rows;
  rows.run = std::move(runs.front());
  BRAID_ASSIGN_OR_RETURN(rows.jobs, ReadRows<JobsTable>(*database_, jobs_sql.c_str(), {id}));
  BRAID_ASSIGN_OR_RETURN(rows.attempts,
                         ReadRows<AttemptsTable>(*database_, attempts_sql.c_str(), {id}));
  return std::optional(std::move(rows));
}

Result<std::vector<ArtifactRecord>> SqlPast::ReadMade(const std::string& run) {
  static const std::string sql = Select<ArtifactsTable>() + " WHERE run = ?";
  return ReadRows<ArtifactsTable>(*database_, sql.c_str(), {run});
}

Result<std::optional<ArtifactRecord>> SqlPast::ReadArtifact(const std::string& id) {
  static const std::string sql = Select<ArtifactsTable>() + " WHERE id = ?";
  BRAID_ASSIGN_OR_RETURN(auto found, ReadRows<ArtifactsTable>(*database_, sql.c_str(), {id}));
  if (found.empty()) return std::optional<ArtifactRecord>();
  return std::optional(std::move(found.front()));
}

Result<std::vector<std::string>> SqlPast::RunsWithPrefix(const std::string& prefix, int64_t limit) {
  return ReadTexts(*database_, "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                   {prefix, EndOf(prefix), limit});
}

Result<std::vector<std::string>> SqlPast::ArtifactsWithPrefix(const std::string& prefix,
                                                              int64_t limit) {
  return ReadTexts(*database_,
                   "SELECT id FROM artifacts WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                   {prefix, EndOf(prefix), limit});
}

Result<std::vector<std::pair<int64_t, std::string>>> SqlPast::RunsNamed(const std::string& name,
                                                                        int64_t limit) {
  std::vector<std::pair<int64_t, std::string>> found;
  BRAID_RETURN_IF_ERROR(
      database_->Query("SELECT created_ms, id FROM runs WHERE name = ? "
                       "ORDER BY created_ms DESC, id DESC LIMIT ?",
                       {name, limit}, [&](const Row& row) -> Status {
                         found.emplace_back(row.Int(0), row.Text(1));
                         return OkStatus();
                       }));
  return found;
}

Result<std::vector<std::string>> SqlPast::EndedUsersOf(const std::string& artifact, int64_t limit) {
  return ReadTexts(*database_, "SELECT run FROM uses WHERE artifact = ? LIMIT ?",
                   {artifact, limit});
}

}  // namespace braid::catalog
