#include "storage/catalog/catalog.h"
#include "storage/catalog/rows.h"

namespace braid::catalog {
namespace {

int64_t Number(auto state) {
  return static_cast<int64_t>(state);
}

// An update with a condition must change exactly one row. Otherwise the decision was based on a
// state that does not hold any more.
Status One(const Result<int64_t>& changed, const std::string& what) {
  BRAID_RETURN_IF_ERROR(changed.status());
  if (*changed == 1) return OkStatus();
  return Status(StatusCode::kAborted, ErrorReason::kStaleLease,
                what + ": the row is not there or not in the expected state");
}

// States in the SQL are the numbers of the enums in records.h. Each WHERE repeats the condition of
// the same update in rules.cc, so that the catalog stays right even if memory should be wrong.
struct Writer {
  Database& db;

  Status operator()(const RunCreated& u) {
    return One(Insert<RunsTable>(db, u.run), "creating run " + u.run.id);
  }
  Status operator()(const RunCancelRequested& u) {
    return One(db.Run("UPDATE runs SET cancel_requested=1 WHERE id=? AND state=1", {u.run}),
               "cancelling run " + u.run);
  }
  Status operator()(const RunPaused& u) {
    return One(db.Run("UPDATE runs SET paused_ms=?1, paused_by=?2, pause_reason=?3 WHERE id=?4 AND "
                      "state=1 AND paused_ms=0 AND ?1 > 0",
                      {u.paused_ms, u.by, u.reason, u.run}),
               "pausing run " + u.run);
  }
  Status operator()(const RunResumed& u) {
    return One(db.Run("UPDATE runs SET paused_ms=0, paused_by='', pause_reason='', "
                      "paused_before_ms=? WHERE id=? AND state=1 AND paused_ms>0",
                      {u.paused_before_ms, u.run}),
               "resuming run " + u.run);
  }
  Status operator()(const RunTagged& u) {
    return One(db.Run("UPDATE runs SET tags=? WHERE id=?", {Pack(u.tags), u.run}),
               "tagging run " + u.run);
  }
  // What is counted and looked for without reading the rows of runs that have ended: how many they
  // are, and which artifacts they name. Their rows do not change any more, so it is written once.
  Status CountEnded(const std::string& run, int64_t by) {
    return db
        .Run(
            "INSERT INTO ended_rows (what, name, state, count) SELECT what, name, state, ?2 * "
            "count(*) FROM counted WHERE run=?1 GROUP BY what, name, state "
            "ON CONFLICT DO UPDATE SET count=count+excluded.count",
            {run, by})
        .status();
  }

  Status operator()(const RunEnded& u) {
    BRAID_RETURN_IF_ERROR(
        One(db.Run("UPDATE runs SET state=?, error=?, ended_ms=?, paused_ms=0, paused_by='', "
                   "pause_reason='' WHERE id=? AND state=1",
                   {Number(u.state), u.error, u.ended_ms, u.run}),
            "ending run " + u.run));
    BRAID_RETURN_IF_ERROR(CountEnded(u.run, 1));
    return db
        .Run(
            "INSERT OR IGNORE INTO uses (artifact, run) SELECT artifact, run FROM named WHERE "
            "run=? AND artifact<>''",
            {u.run})
        .status();
  }

  Status operator()(const JobCreated& u) {
    return One(Insert<JobsTable>(db, u.job), "creating job " + u.job.key.ToString());
  }
  Status operator()(const JobQueued& u) {
    return One(db.Run("UPDATE jobs SET state=2, inputs=? WHERE run=? AND name=? AND state=1",
                      {Pack(u.inputs), u.job.run, u.job.job}),
               "queueing job " + u.job.ToString());
  }
  Status operator()(const JobRequeued& u) {
    const Counters& c = u.counters;
    return One(db.Run("UPDATE jobs SET state=2, user_failures=?, infra_losses=?, preemptions=?, "
                      "losses_in_row=?, "
                      "not_before_ms=? WHERE run=? AND name=? AND epoch=? AND state=3",
                      {c.user_failures, c.infra_losses, c.preemptions, c.losses_in_row,
                       u.not_before_ms, u.attempt.run, u.attempt.job, u.attempt.epoch}),
               "queueing job again after " + u.attempt.ToString());
  }
  Status operator()(const JobCancelling& u) {
    return One(db.Run("UPDATE jobs SET state=4 WHERE run=? AND name=? AND state=3",
                      {u.job.run, u.job.job}),
               "cancelling job " + u.job.ToString());
  }
  Status operator()(const JobEnded& u) {
    const Counters& c = u.counters;
    return One(db.Run("UPDATE jobs SET state=?, outputs=?, summary=?, error=?, hint=?, "
                      "user_failures=?, infra_losses=?, "
                      "preemptions=?, losses_in_row=?, ended_ms=?, left_behind=? WHERE run=? AND "
                      "name=? AND epoch=? AND state<=4",
                      {Number(u.state), Pack(u.outputs), u.summary, u.error, u.hint,
                       c.user_failures, c.infra_losses, c.preemptions, c.losses_in_row, u.ended_ms,
                       u.left_behind ? int64_t{1} : int64_t{0}, u.job.run, u.job.job, u.epoch}),
               "ending job " + u.job.ToString());
  }

  Status operator()(const AttemptGranted& u) {
    const AttemptRecord& a = u.attempt;
    // The job's row first: with its epoch, a second grant of the same attempt finds no row.
    BRAID_RETURN_IF_ERROR(One(
        db.Run(
            "UPDATE jobs SET state=3, epoch=?, not_before_ms=0 WHERE run=? AND name=? AND epoch=? "
            "AND state=2",
            {a.key.epoch, a.key.run, a.key.job, a.key.epoch - 1}),
        "granting " + a.key.ToString()));
    return One(Insert<AttemptsTable>(db, a), "granting " + a.key.ToString());
  }
  Status operator()(const AttemptStarted& u) {
    return One(db.Run("UPDATE attempts SET state=2, started_ms=? WHERE run=? AND job=? AND epoch=? "
                      "AND state=1",
                      {u.started_ms, u.attempt.run, u.attempt.job, u.attempt.epoch}),
               "starting " + u.attempt.ToString());
  }
  Status operator()(const AttemptStopping& u) {
    const Failure& f = u.failure;
    return One(db.Run("UPDATE attempts SET state=4, stop_reason=?, category=?, error=?, hint=?, "
                      "deterministic=?, reason=?, log_tail=? "
                      "WHERE run=? AND job=? AND epoch=? AND state<=4",
                      {NameOf(u.reason), f.category, f.error, f.hint, int64_t{f.deterministic},
                       f.reason, f.log_tail, u.attempt.run, u.attempt.job, u.attempt.epoch}),
               "stopping " + u.attempt.ToString());
  }
  Status operator()(const AttemptEnded& u) {
    const Failure& f = u.failure;
    return One(
        db.Run("UPDATE attempts SET state=?, category=?, error=?, hint=?, deterministic=?, "
               "reason=?, log_tail=?, ended_ms=? "
               "WHERE run=? AND job=? AND epoch=? AND state<=4",
               {Number(u.state), f.category, f.error, f.hint, int64_t{f.deterministic}, f.reason,
                f.log_tail, u.ended_ms, u.attempt.run, u.attempt.job, u.attempt.epoch}),
        "ending " + u.attempt.ToString());
  }
  Status operator()(const CheckpointCommitted& u) {
    return One(db.Run("UPDATE jobs SET checkpoint=?, checkpoint_step=?, losses_in_row=0 WHERE "
                      "run=? AND name=? AND epoch=? "
                      "AND state IN (3,4)",
                      {u.artifact, u.step, u.attempt.run, u.attempt.job, u.attempt.epoch}),
               "committing the checkpoint of " + u.attempt.ToString());
  }

  Status operator()(const ArtifactCommitted& u) {
    // Equal content is one artifact: whoever commits it again is told of success.
    return Insert<ArtifactsTable>(
               db, u.artifact, "INSERT",
               "ON CONFLICT (id) DO UPDATE SET run=excluded.run, job=excluded.job, "
               "epoch=excluded.epoch, role=excluded.role, worker=excluded.worker, "
               "name=excluded.name, user=excluded.user, site=excluded.site, bound=excluded.bound, "
               "created_ms=excluded.created_ms, removed_ms=0, "
               "removed_why='' WHERE removed_ms > 0")
        .status();
  }
  Status operator()(const ArtifactPinned& u) {
    return One(db.Run("UPDATE artifacts SET pinned=?1 WHERE id=?2 AND (removed_ms=0 OR ?1=0)",
                      {int64_t{u.pinned}, u.artifact}),
               "pinning artifact " + u.artifact);
  }
  Status operator()(const ArtifactRemoved& u) {
    return One(db.Run("UPDATE artifacts SET removed_ms=?1, removed_why=?2 WHERE id=?3 AND "
                      "removed_ms=0 AND pinned=0 AND ?1 > 0",
                      {u.removed_ms, u.why, u.artifact}),
               "removing artifact " + u.artifact);
  }
  // Rows of artifacts stay, for the lineage of what was made of them.
  Status operator()(const RunDeleted& u) {
    BRAID_RETURN_IF_ERROR(CountEnded(u.run, -1));
    BRAID_RETURN_IF_ERROR(db.Run("DELETE FROM uses WHERE run=?", {u.run}).status());
    BRAID_RETURN_IF_ERROR(db.Run("DELETE FROM attempts WHERE run=?", {u.run}).status());
    BRAID_RETURN_IF_ERROR(db.Run("DELETE FROM jobs WHERE run=?", {u.run}).status());
    BRAID_RETURN_IF_ERROR(db.Run("DELETE FROM events WHERE run=?", {u.run}).status());
    return One(db.Run("DELETE FROM runs WHERE id=? AND state>1", {u.run}), "deleting run " + u.run);
  }
  Status operator()(const EventsCompacted& u) {
    // The number stays when they are gone: whoever asks for older ones is told that they are.
    BRAID_RETURN_IF_ERROR(One(db.Run("UPDATE compaction SET events_seq=?1 WHERE events_seq<?1 AND "
                                     "?1 <= (SELECT coalesce(max(seq), 0) FROM events)",
                                     {u.through_seq}),
                              "removing events up to " + std::to_string(u.through_seq)));
    return db.Run("DELETE FROM events WHERE seq<=?", {u.through_seq}).status();
  }

  Status operator()(const WorkerRegistered& u) {
    return Insert<WorkersTable>(db, u.worker, "INSERT OR REPLACE").status();
  }
  Status operator()(const WorkerAdmitted& u) {
    return One(db.Run("UPDATE workers SET admit=? WHERE id=?", {Number(u.admit), u.worker}),
               "admitting worker " + u.worker);
  }
  Status operator()(const WorkerHealthChanged& u) {
    return One(db.Run("UPDATE workers SET failures=?, quarantine_until_ms=?, quarantines=? "
                      "WHERE id=?",
                      {Pack(u.health.failures), u.health.quarantine_until_ms, u.health.quarantines,
                       u.worker}),
               "the health of " + u.worker);
  }
  Status operator()(const WorkerSeen& u) {
    return One(db.Run("UPDATE workers SET last_seen_ms=? WHERE id=?", {u.last_seen_ms, u.worker}),
               "worker " + u.worker);
  }
  // An event and no row: connections do not outlive the process.
  Status operator()(const WorkerLinkChanged&) { return OkStatus(); }
  Status operator()(const WorkerForgotten& u) {
    return One(db.Run("DELETE FROM workers WHERE id=? AND ephemeral=1", {u.worker}),
               "forgetting worker " + u.worker);
  }
  Status operator()(const PoolReported&) { return OkStatus(); }
  Status operator()(const ServerReported&) { return OkStatus(); }

  Status operator()(const CredentialChanged& u) {
    return Insert<CredentialsTable>(db, u.credential, "INSERT OR REPLACE").status();
  }
  Status operator()(const TrafficCounted& u) {
    return Insert<TrafficTable>(db, u.more, "INSERT",
                                "ON CONFLICT (site, way, class) DO UPDATE SET bytes = bytes + "
                                "excluded.bytes")
        .status();
  }
  Status operator()(const RequestRemembered& u) {
    return One(Insert<RequestsTable>(db, u.request), "remembering request " + u.request.id);
  }
  Status operator()(const AuditWritten& u) {
    const AuditRecord& r = u.row;
    return One(db.Run("INSERT INTO audit (time_ms, user, role, credential, peer, call, object, "
                      "outcome, detail) VALUES (?,?,?,?,?,?,?,?,?)",
                      {r.time_ms, r.user, r.role, r.credential, r.peer, r.call, r.object, r.outcome,
                       r.detail}),
               "writing the audit of " + r.call);
  }
  Status operator()(const AuditForgotten& u) {
    return db.Run("DELETE FROM audit WHERE time_ms < ?", {u.before_ms}).status();
  }
  Status operator()(const RequestsForgotten& u) {
    return db.Run("DELETE FROM requests WHERE time_ms < ?", {u.before_ms}).status();
  }
};

}  // namespace

Status WriteUpdate(Database& database, const Update& update) {
  return std::visit(Writer{database}, update);
}

}  // namespace braid::catalog
