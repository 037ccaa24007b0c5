// The catalog of a coordinator that runs, as it is at one moment: everything that one snapshot is
// asked belongs to the same commit. It has a read-only connection of its own, so that neither the
// coordinator's loop nor its commits wait for it; while it is open, the log of the catalog grows
// (WAL), so it is for one answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog/sql_past.h"

namespace braid::catalog {

// The creation time of a row in ms since 1970, and its id: the sort key of lists in order of
// creation.
using TimePlace = std::pair<int64_t, std::string>;

// Which runs to list.
struct RunsQuery {
  std::vector<std::string> tags;  // that a run has, all of them; empty: any run
  // The first one; null: the newest.
  std::optional<TimePlace> from;
  int64_t limit = 0;
};

// Which jobs to list.
struct JobsQuery {
  std::string run;               // empty: of all runs
  std::vector<JobState> states;  // empty: in any
  // The first place: a run and the position of a job in it.
  std::string from_run;
  int64_t from_position = 0;
  int64_t limit = 0;
};
// A job of a list.
struct ListedJob {
  JobKey key;
  int64_t position = 0;
  bool run_ended = false;
};

// Which artifacts to list.
struct ArtifactsQuery {
  std::string run;       // that made them; empty: any
  std::string kind;      // empty: any
  bool removed = false;  // removed ones too
  // The first one; null: the newest.
  std::optional<TimePlace> from;
  int64_t limit = 0;
};

// Used by one thread at a time.
class Snapshot {
 public:
  // kNotFound if there is no such file.
  static Result<std::unique_ptr<Snapshot>> Open(const std::string& path);

  // Single rows.
  Past* past() { return &past_; }

  // Runs, newest first.
  Result<std::vector<RunRecord>> Runs(const RunsQuery& query);
  // When the run was made; null if there is none.
  Result<std::optional<TimePlace>> PlaceOfRun(const std::string& id);

  // Jobs run by run, in the order of their positions.
  Result<std::vector<ListedJob>> Jobs(const JobsQuery& query);
  // The job with its attempts, in RunRows without their run; null if there is none.
  Result<std::optional<RunRows>> ReadJob(const JobKey& key);

  // Artifacts, newest first.
  Result<std::vector<ArtifactRecord>> Artifacts(const ArtifactsQuery& query);

 private:
  explicit Snapshot(std::unique_ptr<Database> database)
      : database_(std::move(database)), past_(database_.get()) {}

  // The one of the tags (at least one) that the fewest runs have.
  Result<std::string> RarestOf(const std::vector<std::string>& tags);

  std::unique_ptr<Database> database_;
  SqlPast past_;
};

}  // namespace braid::catalog
