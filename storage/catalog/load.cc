#include "storage/catalog/catalog.h"
#include "storage/catalog/rows.h"

namespace braid::catalog {
namespace {

// Which rows of a table are read.
enum class Which { kAll, kActiveRuns, kOfActiveRuns };

// Runs that have not ended have an index of their own (runs_active), and what belongs to a run is
// found by its id: nothing of the others is read.
template <typename Table>
const std::string& SqlOf(Which which) {
  static const std::string all = Select<Table>();
  static const std::string active_runs = all + " WHERE state = 1";
  static const std::string of_active_runs = all +
                                            " WHERE run IN (SELECT id FROM runs WHERE state = 1)";
  if (which == Which::kAll) return all;
  return which == Which::kActiveRuns ? active_runs : of_active_runs;
}

// Reads rows of the table into `rows`, under the key that `key_of` returns for the record.
template <typename Table, typename Rows, typename KeyOf>
Status LoadTable(Database& database, Rows& rows, KeyOf key_of, Which which = Which::kAll) {
  const std::string& sql = SqlOf<Table>(which);
  return database.Query(sql.c_str(), {}, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(typename Table::Record record, RecordOf<Table>(row));
    // The rows come in the order of their keys, so that each is put at the end at once.
    auto key = key_of(record);
    rows.emplace_hint(rows.end(), std::move(key), std::move(record));
    return OkStatus();
  });
}

// `of_run` says which rows of the tables whose rows belong to a run.
Result<Image> LoadWhich(Database& database, Which runs, Which of_run) {
  Image image;
  const auto id = [](const auto& record) { return record.id; };
  const auto key = [](const auto& record) { return record.key; };
  BRAID_RETURN_IF_ERROR(LoadTable<RunsTable>(database, image.runs, id, runs));
  BRAID_RETURN_IF_ERROR(LoadTable<JobsTable>(database, image.jobs, key, of_run));
  BRAID_RETURN_IF_ERROR(LoadTable<AttemptsTable>(database, image.attempts, key, of_run));
  BRAID_RETURN_IF_ERROR(LoadTable<ArtifactsTable>(database, image.artifacts, id, of_run));
  BRAID_RETURN_IF_ERROR(LoadTable<WorkersTable>(database, image.workers, id));
  // Credentials are found by digest, too: their table builds its indices row by row.
  std::map<std::string, CredentialRecord> credentials;
  BRAID_RETURN_IF_ERROR(LoadTable<CredentialsTable>(database, credentials, id));
  for (auto& [key_of, credential] : credentials) image.credentials.Put(std::move(credential));
  BRAID_RETURN_IF_ERROR(LoadTable<RequestsTable>(
      database, image.requests,
      [](const RequestRecord& request) { return std::pair(request.method, request.id); }));
  BRAID_RETURN_IF_ERROR(LoadTable<TrafficTable>(database, image.traffic, key));
  BRAID_ASSIGN_OR_RETURN(image.last_seq,
                         database.QueryInt("SELECT coalesce(max(seq), 0) FROM events"));
  BRAID_ASSIGN_OR_RETURN(image.compacted_seq,
                         database.QueryInt("SELECT events_seq FROM compaction"));
  return image;
}

}  // namespace

Result<Image> LoadImage(Database& database) {
  return LoadWhich(database, Which::kAll, Which::kAll);
}

Result<LiveRows> LoadLiveRows(Database& database) {
  LiveRows live;
  BRAID_ASSIGN_OR_RETURN(live.image, LoadWhich(database, Which::kActiveRuns, Which::kOfActiveRuns));
  RowCounts& elsewhere = live.elsewhere;
  BRAID_RETURN_IF_ERROR(
      database.Query("SELECT what, name, state, count FROM ended_rows", {}, [&](const Row& row) {
        const std::string what = row.Text(0);
        const auto state = static_cast<int>(row.Int(2));
        const int64_t count = row.Int(3);
        if (count == 0) return OkStatus();
        if (what == "run") elsewhere.runs[static_cast<RunState>(state)] = count;
        if (what == "job") elsewhere.jobs[{row.Text(1), state}] = count;
        if (what == "attempt") elsewhere.attempts[{row.Text(1), state}] = count;
        return OkStatus();
      }));
  BRAID_RETURN_IF_ERROR(database.Query(
      "SELECT user, site, sum(bytes) FROM artifacts WHERE removed_ms = 0 AND bytes > 0 "
      "GROUP BY user, site",
      {}, [&](const Row& row) {
        ArtifactRecord all;
        all.user = row.Text(0);
        all.site = row.Text(1);
        all.bytes = row.Int(2);
        elsewhere.Count(all, 1);
        return OkStatus();
      }));
  // The sums are over all artifacts; those that are in memory are counted there.
  for (const auto& [id, artifact] : live.image.artifacts) elsewhere.Count(artifact, -1);
  return live;
}

}  // namespace braid::catalog
