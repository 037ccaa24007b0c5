#include "storage/catalog/catalog.h"
#include "storage/catalog/rows.h"

namespace braid::catalog {
namespace {

// Reads every row of the table into `rows`, under the key that `key_of` returns for the record.
template <typename Table, typename Rows, typename KeyOf>
Status LoadTable(Database& database, Rows& rows, KeyOf key_of) {
  static const std::string sql = "SELECT " + ColumnNames<Table>() + " FROM " + Table::kName;
  return database.Query(sql.c_str(), {}, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(typename Table::Record record, RecordOf<Table>(row));
    // The rows come in the order of their keys, so that each is put at the end at once.
    auto key = key_of(record);
    rows.emplace_hint(rows.end(), std::move(key), std::move(record));
    return OkStatus();
  });
}

}  // namespace

Result<Image> LoadImage(Database& database) {
  Image image;
  const auto id = [](const auto& record) { return record.id; };
  const auto key = [](const auto& record) { return record.key; };
  BRAID_RETURN_IF_ERROR(LoadTable<RunsTable>(database, image.runs, id));
  BRAID_RETURN_IF_ERROR(LoadTable<JobsTable>(database, image.jobs, key));
  BRAID_RETURN_IF_ERROR(LoadTable<AttemptsTable>(database, image.attempts, key));
  BRAID_RETURN_IF_ERROR(LoadTable<ArtifactsTable>(database, image.artifacts, id));
  BRAID_RETURN_IF_ERROR(LoadTable<WorkersTable>(database, image.workers, id));
  std::map<std::string, CredentialRecord> credentials;
  BRAID_RETURN_IF_ERROR(LoadTable<CredentialsTable>(database, credentials, id));
  for (auto& [key_of, credential] : credentials) image.credentials.Put(std::move(credential));
  BRAID_RETURN_IF_ERROR(LoadTable<RequestsTable>(
      database, image.requests,
      [](const RequestRecord& request) { return std::pair(request.method, request.id); }));
  BRAID_ASSIGN_OR_RETURN(image.last_seq,
                         database.QueryInt("SELECT coalesce(max(seq), 0) FROM events"));
  BRAID_ASSIGN_OR_RETURN(image.compacted_seq,
                         database.QueryInt("SELECT events_seq FROM compaction"));
  return image;
}

}  // namespace braid::catalog
