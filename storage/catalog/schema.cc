#include "storage/catalog/schema.h"

#include <string>
#include <vector>

#include "base/file.h"

namespace braid::catalog {
namespace {

// "brd1" in ASCII.
constexpr int64_t kApplicationId = 0x62726431;

// Append only: catalogs in use have gone through the existing steps and are not migrated through
// them again. STRICT tables and NOT NULL let SQLite itself refuse what no version of this program
// writes.
const std::vector<std::string>& Steps() {
  static const std::vector<std::string> steps = {R"sql(
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
  recipe TEXT NOT NULL,
  recipe_sha256 TEXT NOT NULL,
  sources TEXT NOT NULL,
  only_jobs TEXT NOT NULL,
  retry_of TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL,
  error TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  run TEXT NOT NULL REFERENCES runs(id),
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  parents TEXT NOT NULL,
  wanted TEXT NOT NULL,
  spec TEXT NOT NULL,
  ranks INTEGER NOT NULL CHECK (ranks >= 1),
  slots INTEGER NOT NULL CHECK (slots >= 1),
  device TEXT NOT NULL,
  site TEXT NOT NULL,
  flops REAL NOT NULL,
  tokens INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 8),
  epoch INTEGER NOT NULL,
  inputs TEXT NOT NULL,
  outputs TEXT NOT NULL,
  checkpoint TEXT NOT NULL,
  checkpoint_step INTEGER NOT NULL,
  user_failures INTEGER NOT NULL,
  infra_losses INTEGER NOT NULL,
  preemptions INTEGER NOT NULL,
  losses_in_row INTEGER NOT NULL,
  not_before_ms INTEGER NOT NULL,
  error TEXT NOT NULL,
  hint TEXT NOT NULL,
  summary TEXT NOT NULL,
  adopted_from TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run TEXT NOT NULL,
  job TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),
  workers TEXT NOT NULL,
  boots TEXT NOT NULL,
  checkpoint TEXT NOT NULL,
  resumed_step INTEGER NOT NULL,
  stop_reason TEXT NOT NULL,
  category TEXT NOT NULL,
  error TEXT NOT NULL,
  hint TEXT NOT NULL,
  deterministic INTEGER NOT NULL,
  granted_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  PRIMARY KEY (run, job, epoch),
  FOREIGN KEY (run, job) REFERENCES jobs(run, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempts_live ON attempts (run, job) WHERE state < 5;

CREATE TABLE artifacts (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  manifest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  files INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  parents TEXT NOT NULL,
  run TEXT NOT NULL,
  job TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  role TEXT NOT NULL,
  worker TEXT NOT NULL,
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  boot_id TEXT NOT NULL,
  site TEXT NOT NULL,
  labels TEXT NOT NULL,
  cpu_slots INTEGER NOT NULL,
  gpus TEXT NOT NULL,
  kinds TEXT NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  admit INTEGER NOT NULL CHECK (admit BETWEEN 1 AND 3),
  last_seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  run TEXT NOT NULL,
  job TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  worker TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_run ON events (run, seq);

CREATE TABLE requests (
  method TEXT NOT NULL,
  id TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  answer TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (method, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER runs_end BEFORE UPDATE OF state ON runs WHEN OLD.state > 1
BEGIN SELECT RAISE(ABORT, 'the run has ended'); END;
CREATE TRIGGER jobs_end BEFORE UPDATE OF state ON jobs WHEN OLD.state > 4
BEGIN SELECT RAISE(ABORT, 'the job has ended'); END;
CREATE TRIGGER attempts_end BEFORE UPDATE OF state ON attempts WHEN OLD.state > 4
BEGIN SELECT RAISE(ABORT, 'the attempt has ended'); END;
CREATE TRIGGER artifacts_keep BEFORE UPDATE ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts do not change'); END;
)sql",
                                                 // Priorities and users of runs, reasons of
                                                 // failures, and what tells workers apart that
                                                 // have one name.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN instance TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN network TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN folder TEXT NOT NULL DEFAULT '';
)sql",
                                                 // The last lines of a dead program.
                                                 R"sql(
ALTER TABLE attempts ADD COLUMN log_tail TEXT NOT NULL DEFAULT '';
)sql",
                                                 // Gangs whose ranks may be at several sites.
                                                 R"sql(
ALTER TABLE jobs ADD COLUMN across_sites INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // People and workers with secrets of their own.
                                                 R"sql(
CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  name TEXT NOT NULL,
  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
  site TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  ended_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
                                                 // Retention: artifacts may be removed, and events
                                                 // compacted. Checkpoints that are there were kept
                                                 // under another rule, so nobody was asked whether
                                                 // they may go: they are pinned.
                                                 R"sql(
ALTER TABLE artifacts ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE artifacts ADD COLUMN removed_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE artifacts ADD COLUMN removed_why TEXT NOT NULL DEFAULT '';
DROP TRIGGER artifacts_keep;
UPDATE artifacts SET pinned = 1 WHERE kind = 'checkpoint';
CREATE TRIGGER artifacts_keep BEFORE UPDATE OF
  id, kind, manifest, bytes, files, metadata, parents, run, job, epoch, role, worker, name
ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts do not change'); END;
CREATE TABLE compaction (events_seq INTEGER NOT NULL) STRICT;
INSERT INTO compaction (events_seq) VALUES (0);
)sql",
                                                 // An artifact that was removed may be made again,
                                                 // by another attempt.
                                                 R"sql(
DROP TRIGGER artifacts_keep;
CREATE TRIGGER artifacts_keep BEFORE UPDATE OF
  id, kind, manifest, bytes, files, metadata, parents
ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts do not change'); END;
CREATE TRIGGER artifacts_maker BEFORE UPDATE OF
  run, job, epoch, role, worker, name
ON artifacts WHEN OLD.removed_ms = 0
BEGIN SELECT RAISE(ABORT, 'artifacts keep their maker'); END;
)sql",
                                                 // The id of the catalog, by which workers know for
                                                 // which coordinator they keep reports.
                                                 R"sql(
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));
)sql",
                                                 // Who asked for which change.
                                                 R"sql(
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  credential TEXT NOT NULL,
  peer TEXT NOT NULL,
  call TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_user ON audit (user, seq);
CREATE INDEX audit_object ON audit (object, seq);
CREATE INDEX audit_time ON audit (time_ms);
CREATE TRIGGER audit_keep BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit does not change'); END;
)sql",
                                                 // Rows of ended runs need not be in memory: what
                                                 // of them is asked for by name, by time or by use,
                                                 // and how many there are, is found without reading
                                                 // them all.
                                                 R"sql(
CREATE INDEX runs_active ON runs (id) WHERE state = 1;
CREATE INDEX runs_time ON runs (created_ms, id);
CREATE INDEX runs_name ON runs (name, created_ms, id);
CREATE INDEX jobs_place ON jobs (run, position, state);
CREATE INDEX artifacts_run ON artifacts (run, created_ms);
CREATE INDEX artifacts_time ON artifacts (created_ms, id, kind, removed_ms, bytes);
CREATE TABLE uses (
  artifact TEXT NOT NULL,
  run TEXT NOT NULL,
  PRIMARY KEY (artifact, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX uses_run ON uses (run);
CREATE TABLE ended_rows (
  what TEXT NOT NULL,
  name TEXT NOT NULL,
  state INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (what, name, state)
) STRICT, WITHOUT ROWID;
CREATE VIEW named AS
SELECT runs.id AS run, source.value AS artifact FROM runs, json_each(runs.sources) AS source
UNION ALL SELECT jobs.run, json_extract(source.value, '$[2]')
  FROM jobs, json_each(jobs.wanted) AS source
UNION ALL SELECT jobs.run, input.value FROM jobs, json_each(jobs.inputs) AS input
UNION ALL SELECT jobs.run, output.value FROM jobs, json_each(jobs.outputs) AS output
UNION ALL SELECT jobs.run, jobs.checkpoint FROM jobs;
CREATE VIEW counted AS
SELECT 'run' AS what, '' AS name, state, id AS run FROM runs
UNION ALL SELECT 'job', kind, state, run FROM jobs
UNION ALL SELECT 'attempt', category, state, run FROM attempts;
INSERT OR IGNORE INTO uses (artifact, run)
SELECT artifact, run FROM named
WHERE artifact <> '' AND run IN (SELECT id FROM runs WHERE state > 1);
INSERT INTO ended_rows (what, name, state, count)
SELECT what, name, state, count(*) FROM counted
WHERE run IN (SELECT id FROM runs WHERE state > 1) GROUP BY what, name, state;
)sql",
                                                 // Workers that leave for good.
                                                 R"sql(
ALTER TABLE workers ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // What the coordinator had to look up in the
                                                 // settings of jobs.
                                                 R"sql(
ALTER TABLE jobs ADD COLUMN keep_checkpoints INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN stall_timeout_s INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET keep_checkpoints = json_extract(spec, '$.train.checkpoint.keep')
WHERE json_valid(spec) AND json_type(spec, '$.train.checkpoint.keep') = 'integer';
UPDATE jobs SET stall_timeout_s = 3600 WHERE kind IN ('train', 'joint');
UPDATE jobs SET stall_timeout_s = json_extract(spec, '$.train.stall_timeout')
WHERE kind IN ('train', 'joint') AND json_valid(spec)
  AND json_type(spec, '$.train.stall_timeout') = 'integer';
)sql",
                                                 // Workers on which jobs fail one after another.
                                                 R"sql(
ALTER TABLE workers ADD COLUMN failures TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workers ADD COLUMN quarantine_until_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN quarantines INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // Whose an artifact is. Of an upload from before
                                                 // nobody knows.
                                                 R"sql(
ALTER TABLE artifacts ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE artifacts ADD COLUMN site TEXT NOT NULL DEFAULT '';
UPDATE artifacts SET user = coalesce((SELECT user FROM runs WHERE runs.id = artifacts.run), ''),
  site = coalesce((SELECT site FROM workers WHERE workers.id = artifacts.worker), '');
DROP TRIGGER artifacts_maker;
CREATE TRIGGER artifacts_maker BEFORE UPDATE OF
  run, job, epoch, role, worker, name, user, site
ON artifacts WHEN OLD.removed_ms = 0
BEGIN SELECT RAISE(ABORT, 'artifacts keep their maker'); END;
CREATE INDEX artifacts_owner ON artifacts (user, site, removed_ms, bytes);
)sql",
                                                 // How long runs and jobs may take.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN max_duration_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN max_duration_s INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // Runs that are paused.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN paused_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN paused_by TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN pause_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN paused_before_ms INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // Runs for which others are stopped.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN preempts INTEGER NOT NULL DEFAULT 1;
)sql",
                                                 // Trainings that a sweep compares and stops.
                                                 R"sql(
ALTER TABLE jobs ADD COLUMN rung_model TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN rung INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN rung_trial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN rung_keep INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN left_behind INTEGER NOT NULL DEFAULT 0;
)sql",
                                                 // What of jobs and artifacts stays at a site.
                                                 R"sql(
ALTER TABLE jobs ADD COLUMN binding TEXT NOT NULL DEFAULT 'nothing';
ALTER TABLE artifacts ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER artifacts_maker;
CREATE TRIGGER artifacts_maker BEFORE UPDATE OF
  run, job, epoch, role, worker, name, user, site, bound
ON artifacts WHEN OLD.removed_ms = 0
BEGIN SELECT RAISE(ABORT, 'artifacts keep their maker'); END;
)sql",
                                                 // What workers of each site have moved.
                                                 R"sql(
CREATE TABLE traffic (
  site TEXT NOT NULL,
  way TEXT NOT NULL,
  class TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (site, way, class)
) STRICT, WITHOUT ROWID;
)sql",
                                                 // The traces of which runs are a part.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
)sql",
                                                 // Tags of runs, and by tag the runs, as lists of
                                                 // them are asked for: newest first.
                                                 R"sql(
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
CREATE TABLE run_tags (
  tag TEXT NOT NULL,
  made_ms INTEGER NOT NULL,
  run TEXT NOT NULL,
  PRIMARY KEY (tag, made_ms, run)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER run_tags_new AFTER INSERT ON runs
BEGIN
  INSERT INTO run_tags (tag, made_ms, run)
  SELECT DISTINCT value, NEW.created_ms, NEW.id FROM json_each(NEW.tags);
END;
CREATE TRIGGER run_tags_change AFTER UPDATE OF tags ON runs
BEGIN
  DELETE FROM run_tags WHERE run = OLD.id AND made_ms = OLD.created_ms
    AND tag IN (SELECT value FROM json_each(OLD.tags));
  INSERT INTO run_tags (tag, made_ms, run)
  SELECT DISTINCT value, NEW.created_ms, NEW.id FROM json_each(NEW.tags);
END;
CREATE TRIGGER run_tags_end AFTER DELETE ON runs
BEGIN
  DELETE FROM run_tags WHERE run = OLD.id AND made_ms = OLD.created_ms
    AND tag IN (SELECT value FROM json_each(OLD.tags));
END;
)sql",
                                                 // How much memory jobs need, and workers have.
                                                 R"sql(
ALTER TABLE jobs ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;
)sql"};
  return steps;
}

}  // namespace

int64_t SchemaVersion() {
  return static_cast<int64_t>(Steps().size());
}

Status Migrate(Database& database, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  BRAID_ASSIGN_OR_RETURN(int64_t version, database.QueryInt("PRAGMA user_version"));
  BRAID_ASSIGN_OR_RETURN(const int64_t tables,
                         database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  // A new file has application id 0 and no tables; anything else with a foreign id is somebody's
  // data.
  if (application != kApplicationId && (application != 0 || tables != 0)) {
    return FailedPrecondition("catalog " + path +
                              " is a database of another program (application id " +
                              std::to_string(application) + "): choose another folder");
  }
  if (version > SchemaVersion()) {
    return FailedPrecondition("catalog " + path + " was written by a newer braid (schema " +
                              std::to_string(version) + ", this program knows " +
                              std::to_string(SchemaVersion()) +
                              "): start the newer braid-coordinator, or restore a backup");
  }
  if (version > 0 && version < SchemaVersion()) {
    // The copy is made through this connection. Opening and closing the file beside SQLite would
    // drop the locks that this process has on it, and a program that looks at the catalog later
    // would believe that it is the last one and remove the log of the living coordinator.
    BRAID_ASSIGN_OR_RETURN(const int64_t left, database.Checkpoint());
    if (left > 0) {
      return FailedPrecondition("catalog " + path +
                                " is to be migrated and another program reads it (" +
                                std::to_string(left) +
                                " pages are in its log alone): end that program, then start again");
    }
    const std::string copy = path + ".v" + std::to_string(version);
    BRAID_RETURN_IF_ERROR(RemoveFile(copy).Wrap("backing up before migration"));
    BRAID_RETURN_IF_ERROR(database.CopyTo(copy).Wrap("backing up before migration"));
  }
  for (; version < SchemaVersion(); ++version) {
    // The version is raised in the step's own transaction: after a crash the file is at a whole
    // step.
    const std::string step = "BEGIN IMMEDIATE;" + Steps()[static_cast<size_t>(version)] +
                             ";PRAGMA application_id=" + std::to_string(kApplicationId) +
                             ";PRAGMA user_version=" + std::to_string(version + 1) + ";COMMIT;";
    const Status status = database.Execute(step);
    if (!status.ok()) {
      (void)database.Execute("ROLLBACK");
      return status.Wrap("migrating to schema " + std::to_string(version + 1));
    }
  }
  return OkStatus();
}

}  // namespace braid::catalog
