#include "storage/catalog/catalog.h"
#include "storage/catalog/columns.h"

namespace braid::catalog {
namespace {

int64_t Number(auto state) {
  return static_cast<int64_t>(state);
}

// A guarded update touches exactly one row, or the decision was made on something that is not so.
Status One(const Result<int64_t>& changed, const std::string& what) {
  BRAID_RETURN_IF_ERROR(changed.status());
  if (*changed == 1) return OkStatus();
  return Status(StatusCode::kAborted, "STALE_LEASE",
                what + ": the row is not there or not in the expected state");
}

struct Writer {
  Database& db;

  Status operator()(const RunCreated& u) {
    const RunRecord& r = u.run;
    return One(db.Run("INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      {r.id, r.name, Number(r.state), r.recipe, r.recipe_sha256, Pack(r.sources),
                       Pack(r.only), r.retry_of, int64_t{r.cancel_requested}, r.error, r.created_ms,
                       r.ended_ms, r.priority, r.user}),
               "creating run " + r.id);
  }
  Status operator()(const RunCancelRequested& u) {
    return One(db.Run("UPDATE runs SET cancel_requested=1 WHERE id=? AND state=1", {u.run}),
               "cancelling run " + u.run);
  }
  Status operator()(const RunEnded& u) {
    return One(db.Run("UPDATE runs SET state=?, error=?, ended_ms=? WHERE id=? AND state=1",
                      {Number(u.state), u.error, u.ended_ms, u.run}),
               "ending run " + u.run);
  }

  Status operator()(const JobCreated& u) {
    const JobRecord& j = u.job;
    return One(
        db.Run(
            "INSERT INTO jobs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            {j.key.run,
             j.key.job,
             j.position,
             j.kind,
             Pack(j.parents),
             Pack(j.wanted),
             j.spec,
             j.ranks,
             j.slots,
             j.device,
             j.site,
             j.flops,
             j.tokens,
             Number(j.state),
             j.epoch,
             Pack(j.inputs),
             Pack(j.outputs),
             j.checkpoint,
             j.checkpoint_step,
             j.counters.user_failures,
             j.counters.infra_losses,
             j.counters.preemptions,
             j.counters.losses_in_row,
             j.not_before_ms,
             j.error,
             j.hint,
             j.summary,
             j.adopted_from,
             j.created_ms,
             j.ended_ms}),
        "creating job " + j.key.ToString());
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
                      "preemptions=?, losses_in_row=?, ended_ms=? WHERE run=? AND name=? AND "
                      "epoch=? AND state<=4",
                      {Number(u.state), Pack(u.outputs), u.summary, u.error, u.hint,
                       c.user_failures, c.infra_losses, c.preemptions, c.losses_in_row, u.ended_ms,
                       u.job.run, u.job.job, u.epoch}),
               "ending job " + u.job.ToString());
  }

  Status operator()(const AttemptGranted& u) {
    const AttemptRecord& a = u.attempt;
    BRAID_RETURN_IF_ERROR(One(
        db.Run(
            "UPDATE jobs SET state=3, epoch=?, not_before_ms=0 WHERE run=? AND name=? AND epoch=? "
            "AND state=2",
            {a.key.epoch, a.key.run, a.key.job, a.key.epoch - 1}),
        "granting " + a.key.ToString()));
    return One(
        db.Run("INSERT INTO attempts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
               {a.key.run, a.key.job, a.key.epoch, Number(a.state), Pack(a.workers), Pack(a.boots),
                a.checkpoint, a.resumed_step, a.stop_reason, a.failure.category, a.failure.error,
                a.failure.hint, int64_t{a.failure.deterministic}, a.granted_ms, a.started_ms,
                a.ended_ms, a.failure.reason}),
        "granting " + a.key.ToString());
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
                      "deterministic=?, reason=? "
                      "WHERE run=? AND job=? AND epoch=? AND state<=4",
                      {u.reason, f.category, f.error, f.hint, int64_t{f.deterministic}, f.reason,
                       u.attempt.run, u.attempt.job, u.attempt.epoch}),
               "stopping " + u.attempt.ToString());
  }
  Status operator()(const AttemptEnded& u) {
    const Failure& f = u.failure;
    return One(db.Run("UPDATE attempts SET state=?, category=?, error=?, hint=?, deterministic=?, "
                      "reason=?, ended_ms=? "
                      "WHERE run=? AND job=? AND epoch=? AND state<=4",
                      {Number(u.state), f.category, f.error, f.hint, int64_t{f.deterministic},
                       f.reason, u.ended_ms, u.attempt.run, u.attempt.job, u.attempt.epoch}),
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
    const ArtifactRecord& a = u.artifact;
    return db
        .Run(
            "INSERT INTO artifacts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO "
            "NOTHING",
            {a.id, a.kind, a.manifest, a.bytes, a.files, a.metadata, Pack(a.parents), a.made_by.run,
             a.made_by.job, a.made_by.epoch, a.role, a.worker, a.name, a.created_ms})
        .status();
  }

  Status operator()(const WorkerRegistered& u) {
    const WorkerRecord& w = u.worker;
    return db
        .Run("INSERT OR REPLACE INTO workers VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
             {w.id, w.boot_id, w.site, Pack(w.labels), w.cpu_slots, Pack(w.gpus), Pack(w.kinds),
              w.host, w.version, Number(w.admit), w.last_seen_ms, w.instance, w.network, w.folder})
        .status();
  }
  Status operator()(const WorkerAdmitted& u) {
    return One(db.Run("UPDATE workers SET admit=? WHERE id=?", {Number(u.admit), u.worker}),
               "admitting worker " + u.worker);
  }
  Status operator()(const WorkerSeen& u) {
    return One(db.Run("UPDATE workers SET last_seen_ms=? WHERE id=?", {u.last_seen_ms, u.worker}),
               "worker " + u.worker);
  }
  Status operator()(const WorkerLinkChanged&) { return OkStatus(); }

  Status operator()(const RequestRemembered& u) {
    const RequestRecord& r = u.request;
    return One(db.Run("INSERT INTO requests VALUES (?,?,?,?,?)",
                      {r.method, r.id, r.body_sha256, r.answer, r.time_ms}),
               "remembering request " + r.id);
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
