#include "storage/catalog/snapshot.h"

#include <limits>

#include "storage/catalog/rows.h"

namespace braid::catalog {
namespace {

// States as bits of one number, so that one statement serves every selection; all of them for none.
int64_t BitsOf(const std::vector<JobState>& states) {
  if (states.empty()) return ~int64_t{0};
  int64_t bits = 0;
  for (const JobState state : states) {
    const auto number = static_cast<int64_t>(state);
    if (number >= 0 && number < 63) bits |= int64_t{1} << number;
  }
  return bits;
}

// The place from which a list of the newest goes on; one behind all rows for none.
TimePlace Or(const std::optional<TimePlace>& from) {
  return from.value_or(TimePlace{std::numeric_limits<int64_t>::max(), ""});
}

}  // namespace

Result<std::unique_ptr<Snapshot>> Snapshot::Open(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(auto database, Database::Open(path, /*writable=*/false));
  // The first read begins the snapshot; closing the connection ends it.
  BRAID_RETURN_IF_ERROR(database->Execute("BEGIN; SELECT count(*) FROM compaction;"));
  return std::unique_ptr<Snapshot>(new Snapshot(std::move(database)));
}

// Counting ends here: a tag that more runs have is one of the frequent ones.
Result<std::string> Snapshot::RarestOf(const std::vector<std::string>& tags) {
  static constexpr char kCount[] =
      "SELECT count(*) FROM (SELECT 1 FROM run_tags WHERE tag = ? LIMIT 1000)";
  std::string rarest;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (const std::string& tag : tags) {
    BRAID_RETURN_IF_ERROR(database_->Query(kCount, {tag}, [&](const Row& row) -> Status {
      if (row.Int(0) < fewest) fewest = row.Int(0), rarest = tag;
      return OkStatus();
    }));
  }
  return rarest;
}

Result<std::vector<RunRecord>> Snapshot::Runs(const RunsQuery& query) {
  static const std::string all =
      Select<RunsTable>() +
      " WHERE (created_ms, id) <= (?, ?) ORDER BY created_ms DESC, id DESC LIMIT ?";
  // Through the index of one tag; of the runs there, those that have the others, too.
  static const std::string tagged =
      "SELECT " + ColumnNames<RunsTable>() +
      " FROM run_tags CROSS JOIN runs ON runs.id = run_tags.run WHERE run_tags.tag = ?1 "
      "AND (run_tags.made_ms, run_tags.run) <= (?2, ?3) AND NOT EXISTS (SELECT 1 FROM "
      "json_each(?4) AS wanted WHERE NOT EXISTS (SELECT 1 FROM run_tags AS other WHERE "
      "other.tag = wanted.value AND other.made_ms = runs.created_ms AND other.run = runs.id)) "
      "ORDER BY run_tags.made_ms DESC, run_tags.run DESC LIMIT ?5";
  const auto& [created_ms, id] = Or(query.from);
  if (query.tags.empty())
    return ReadRows<RunsTable>(*database_, all.c_str(), {created_ms, id, query.limit});
  BRAID_ASSIGN_OR_RETURN(const std::string rarest, RarestOf(query.tags));
  return ReadRows<RunsTable>(*database_, tagged.c_str(),
                             {rarest, created_ms, id, Pack(query.tags), query.limit});
}

Result<std::optional<TimePlace>> Snapshot::PlaceOfRun(const std::string& id) {
  std::optional<TimePlace> place;
  BRAID_RETURN_IF_ERROR(database_->Query("SELECT created_ms, id FROM runs WHERE id = ?", {id},
                                         [&](const Row& row) -> Status {
                                           place.emplace(row.Int(0), row.Text(1));
                                           return OkStatus();
                                         }));
  return place;
}

Result<std::vector<ListedJob>> Snapshot::Jobs(const JobsQuery& query) {
  // Answered from the index alone (jobs_place), so that jobs in other states cost little.
  static constexpr char kOfRun[] =
      "SELECT run, name, position, (SELECT state FROM runs WHERE id = jobs.run) FROM jobs "
      "WHERE run = ?1 AND (run, position) >= (?2, ?3) AND (?4 >> state) & 1 "
      "ORDER BY run, position LIMIT ?5";
  static constexpr char kOfAll[] =
      "SELECT run, name, position, (SELECT state FROM runs WHERE id = jobs.run) FROM jobs "
      "WHERE ?1 = '' AND (run, position) >= (?2, ?3) AND (?4 >> state) & 1 "
      "ORDER BY run, position LIMIT ?5";
  std::vector<ListedJob> jobs;
  BRAID_RETURN_IF_ERROR(database_->Query(
      query.run.empty() ? kOfAll : kOfRun,
      {query.run, query.from_run, query.from_position, BitsOf(query.states), query.limit},
      [&](const Row& row) -> Status {
        jobs.push_back(
            {{row.Text(0), row.Text(1)}, row.Int(2), Ended(static_cast<RunState>(row.Int(3)))});
        return OkStatus();
      }));
  return jobs;
}

Result<std::optional<RunRows>> Snapshot::ReadJob(const JobKey& key) {
  static const std::string job_sql = Select<JobsTable>() + " WHERE run = ? AND name = ?";
  static const std::string attempts_sql = Select<AttemptsTable>() + " WHERE run = ? AND job = ?";
  RunRows rows;
  BRAID_ASSIGN_OR_RETURN(rows.jobs,
                         ReadRows<JobsTable>(*database_, job_sql.c_str(), {key.run, key.job}));
  if (rows.jobs.empty()) return std::optional<RunRows>();
  BRAID_ASSIGN_OR_RETURN(
      rows.attempts, ReadRows<AttemptsTable>(*database_, attempts_sql.c_str(), {key.run, key.job}));
  return std::optional(std::move(rows));
}

Result<std::vector<ArtifactRecord>> Snapshot::Artifacts(const ArtifactsQuery& query) {
  static const std::string end =
      " AND (?2 = '' OR kind = ?2) AND (?3 OR removed_ms = 0) AND (created_ms, id) <= (?4, ?5) "
      "ORDER BY created_ms DESC, id DESC LIMIT ?6";
  static const std::string of_run = Select<ArtifactsTable>() + " WHERE run = ?1" + end;
  static const std::string of_all = Select<ArtifactsTable>() + " WHERE ?1 = ''" + end;
  const auto& [created_ms, id] = Or(query.from);
  return ReadRows<ArtifactsTable>(
      *database_, (query.run.empty() ? of_all : of_run).c_str(),
      {query.run, query.kind, int64_t{query.removed}, created_ms, id, query.limit});
}

}  // namespace braid::catalog
