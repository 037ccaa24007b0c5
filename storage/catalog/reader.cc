#include "storage/catalog/reader.h"

#include <sys/stat.h>

#include "base/file.h"
#include "storage/catalog/database.h"
#include "storage/catalog/rows.h"

namespace braid::catalog {

Status Reader::EachArtifact(
    const std::function<Status(const ArtifactRecord&, bool used)>& see) const {
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  static const std::string sql =
      "SELECT " + ColumnNames<ArtifactsTable>() +
      ", EXISTS (SELECT 1 FROM uses WHERE uses.artifact = artifacts.id) FROM artifacts "
      "ORDER BY artifacts.run";
  static const int used_column = CountColumns<ArtifactsTable>();
  return database->Query(sql.c_str(), {}, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(const ArtifactRecord artifact, RecordOf<ArtifactsTable>(row));
    return see(artifact, row.Int(used_column) != 0);
  });
}

Result<std::vector<AuditRecord>> Reader::ReadAudit(const AuditQuery& query) const {
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  // The connection is of this call alone, and so is the text of its statement.
  std::string sql = "SELECT " + ColumnNames<AuditTable>() + " FROM audit WHERE seq > 0";
  std::vector<Value> values;
  const auto only = [&](const char* condition, const auto& value, bool given) {
    if (!given) return;
    sql += std::string(" AND ") + condition;
    values.emplace_back(value);
  };
  only("user = ?", query.user, !query.user.empty());
  only("call = ? COLLATE NOCASE", query.call, !query.call.empty());
  only("object = ?", query.object, !query.object.empty());
  only("outcome = ?", query.outcome, !query.outcome.empty());
  only("time_ms >= ?", query.since_ms, query.since_ms > 0);
  only("time_ms < ?", query.until_ms, query.until_ms > 0);
  only("seq < ?", query.before_seq, query.before_seq > 0);
  sql += " ORDER BY seq DESC LIMIT ?";
  values.emplace_back(query.limit);
  std::vector<AuditRecord> rows;
  BRAID_RETURN_IF_ERROR(database->Query(sql.c_str(), values, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(AuditRecord record, RecordOf<AuditTable>(row));
    rows.push_back(std::move(record));
    return OkStatus();
  }));
  return rows;
}

Result<bool> Reader::HasAuditBefore(int64_t time_ms) const {
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  bool found = false;
  BRAID_RETURN_IF_ERROR(
      database->Query("SELECT 1 FROM audit WHERE time_ms < ? LIMIT 1", {time_ms}, [&](const Row&) {
        found = true;
        return OkStatus();
      }));
  return found;
}

Status Reader::CopyTo(const std::string& path) const {
  if (PathExists(path))
    return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                  path + " is there already");
  BRAID_ASSIGN_OR_RETURN(const auto database, Database::Open(path_, /*writable=*/false));
  Status status = database->CopyTo(path);
  if (status.ok()) status = SyncFile(path);
  if (status.ok()) {
    (void)chmod(path.c_str(), 0600);
    status = SyncFolder(FolderOf(path));
  }
  if (!status.ok()) (void)RemoveFile(path);
  return status;
}

}  // namespace braid::catalog
