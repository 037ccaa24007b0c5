#include "storage/catalog/catalog.h"
#include "storage/catalog/columns.h"

namespace braid::catalog {
namespace {

Status LoadRuns(Database& db, Image& image) {
  return db.Query("SELECT * FROM runs", {}, [&](const Row& row) -> Status {
    RunRecord r;
    r.id = row.Text(0);
    r.name = row.Text(1);
    r.state = static_cast<RunState>(row.Int(2));
    r.recipe = row.Text(3);
    r.recipe_sha256 = row.Text(4);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(5), "runs.sources", r.sources));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(6), "runs.only_jobs", r.only));
    r.retry_of = row.Text(7);
    r.cancel_requested = row.Int(8) != 0;
    r.error = row.Text(9);
    r.created_ms = row.Int(10);
    r.ended_ms = row.Int(11);
    r.priority = row.Int(12);
    r.user = row.Text(13);
    image.runs[r.id] = std::move(r);
    return OkStatus();
  });
}

Status LoadJobs(Database& db, Image& image) {
  return db.Query("SELECT * FROM jobs", {}, [&](const Row& row) -> Status {
    JobRecord j;
    j.key = {row.Text(0), row.Text(1)};
    j.position = row.Int(2);
    j.kind = row.Text(3);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(4), "jobs.parents", j.parents));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(5), "jobs.wanted", j.wanted));
    j.spec = row.Text(6);
    j.ranks = row.Int(7);
    j.slots = row.Int(8);
    j.device = row.Text(9);
    j.site = row.Text(10);
    j.flops = row.Double(11);
    j.tokens = row.Int(12);
    j.state = static_cast<JobState>(row.Int(13));
    j.epoch = row.Int(14);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(15), "jobs.inputs", j.inputs));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(16), "jobs.outputs", j.outputs));
    j.checkpoint = row.Text(17);
    j.checkpoint_step = row.Int(18);
    j.counters = {row.Int(19), row.Int(20), row.Int(21), row.Int(22)};
    j.not_before_ms = row.Int(23);
    j.error = row.Text(24);
    j.hint = row.Text(25);
    j.summary = row.Text(26);
    j.adopted_from = row.Text(27);
    j.created_ms = row.Int(28);
    j.ended_ms = row.Int(29);
    image.jobs[j.key] = std::move(j);
    return OkStatus();
  });
}

Status LoadAttempts(Database& db, Image& image) {
  return db.Query("SELECT * FROM attempts", {}, [&](const Row& row) -> Status {
    AttemptRecord a;
    a.key = {row.Text(0), row.Text(1), row.Int(2)};
    a.state = static_cast<AttemptState>(row.Int(3));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(4), "attempts.workers", a.workers));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(5), "attempts.boots", a.boots));
    a.checkpoint = row.Text(6);
    a.resumed_step = row.Int(7);
    a.stop_reason = row.Text(8);
    a.failure = {row.Text(9), row.Text(10), row.Text(11), row.Int(12) != 0, row.Text(16)};
    a.granted_ms = row.Int(13);
    a.started_ms = row.Int(14);
    a.ended_ms = row.Int(15);
    image.attempts[a.key] = std::move(a);
    return OkStatus();
  });
}

Status LoadArtifacts(Database& db, Image& image) {
  return db.Query("SELECT * FROM artifacts", {}, [&](const Row& row) -> Status {
    ArtifactRecord a;
    a.id = row.Text(0);
    a.kind = row.Text(1);
    a.manifest = row.Text(2);
    a.bytes = row.Int(3);
    a.files = row.Int(4);
    a.metadata = row.Text(5);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(6), "artifacts.parents", a.parents));
    a.made_by = {row.Text(7), row.Text(8), row.Int(9)};
    a.role = row.Text(10);
    a.worker = row.Text(11);
    a.name = row.Text(12);
    a.created_ms = row.Int(13);
    image.artifacts[a.id] = std::move(a);
    return OkStatus();
  });
}

Status LoadWorkers(Database& db, Image& image) {
  return db.Query("SELECT * FROM workers", {}, [&](const Row& row) -> Status {
    WorkerRecord w;
    w.id = row.Text(0);
    w.boot_id = row.Text(1);
    w.site = row.Text(2);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(3), "workers.labels", w.labels));
    w.cpu_slots = row.Int(4);
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(5), "workers.gpus", w.gpus));
    BRAID_RETURN_IF_ERROR(Unpack(row.Text(6), "workers.kinds", w.kinds));
    w.host = row.Text(7);
    w.version = row.Text(8);
    w.admit = static_cast<WorkerAdmit>(row.Int(9));
    w.last_seen_ms = row.Int(10);
    w.instance = row.Text(11);
    w.network = row.Text(12);
    w.folder = row.Text(13);
    image.workers[w.id] = std::move(w);
    return OkStatus();
  });
}

Status LoadRequests(Database& db, Image& image) {
  return db.Query("SELECT * FROM requests", {}, [&](const Row& row) -> Status {
    RequestRecord r{row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Int(4)};
    image.requests[{r.method, r.id}] = std::move(r);
    return OkStatus();
  });
}

}  // namespace

Result<Image> LoadImage(Database& database) {
  Image image;
  BRAID_RETURN_IF_ERROR(LoadRuns(database, image));
  BRAID_RETURN_IF_ERROR(LoadJobs(database, image));
  BRAID_RETURN_IF_ERROR(LoadAttempts(database, image));
  BRAID_RETURN_IF_ERROR(LoadArtifacts(database, image));
  BRAID_RETURN_IF_ERROR(LoadWorkers(database, image));
  BRAID_RETURN_IF_ERROR(LoadRequests(database, image));
  BRAID_ASSIGN_OR_RETURN(image.last_seq,
                         database.QueryInt("SELECT coalesce(max(seq), 0) FROM events"));
  return image;
}

}  // namespace braid::catalog
