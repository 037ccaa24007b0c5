// The columns of every table, each named once, beside the field that it stores. Reading, inserting
// and their SQL follow from these lists. A new column is one line here and a step in schema.cc.
//
// Each table has a type Record, the name kName, and Columns(record, column), which calls
// column(name, field) for each column; `record` may be const.
#pragma once

#include <string>

#include "storage/catalog/audit.h"
#include "storage/catalog/records.h"

namespace braid::catalog {

// Key: id. A run and its recipe.
struct RunsTable {
  using Record = RunRecord;
  static constexpr char kName[] = "runs";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("id", r.id);
    column("name", r.name);
    column("state", r.state);
    column("recipe", r.recipe);
    column("recipe_sha256", r.recipe_sha256);
    column("sources", r.sources);
    column("only_jobs", r.only);
    column("retry_of", r.retry_of);
    column("cancel_requested", r.cancel_requested);
    column("error", r.error);
    column("created_ms", r.created_ms);
    column("ended_ms", r.ended_ms);
    column("priority", r.priority);
    column("user", r.user);
    column("max_duration_s", r.max_duration_s);
    column("paused_ms", r.paused_ms);
    column("paused_by", r.paused_by);
    column("pause_reason", r.pause_reason);
    column("paused_before_ms", r.paused_before_ms);
    column("preempts", r.preempts);
    column("traceparent", r.traceparent);
    column("tags", r.tags);
  }
};

// Key: (run, name). The kind, ranks, slots, device, site and spec of a job do not change once it is
// made.
struct JobsTable {
  using Record = JobRecord;
  static constexpr char kName[] = "jobs";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("run", r.key.run);
    column("name", r.key.job);
    column("position", r.position);
    column("kind", r.kind);
    column("parents", r.parents);
    // The column's name is older than the field's.
    column("wanted", r.input_sources);
    column("spec", r.spec);
    // What it demands of workers.
    column("ranks", r.ranks);
    column("slots", r.slots);
    column("memory_bytes", r.memory_bytes);
    column("device", r.device);
    column("site", r.site);
    column("across_sites", r.across_sites);
    column("binding", r.binding);
    column("flops", r.flops);
    column("tokens", r.tokens);
    column("keep_checkpoints", r.keep_checkpoints);
    column("stall_timeout_s", r.stall_timeout_s);
    column("max_duration_s", r.max_duration_s);
    // Its place in a sweep by successive halving.
    column("rung_model", r.rung.model);
    column("rung", r.rung.number);
    column("rung_trial", r.rung.trial);
    column("rung_keep", r.rung.keep);
    column("state", r.state);
    column("epoch", r.epoch);
    // What came of it; written while it is waiting, running and ending.
    column("inputs", r.inputs);
    column("outputs", r.outputs);
    column("checkpoint", r.checkpoint);
    column("checkpoint_step", r.checkpoint_step);
    // How often which kind of failure ended an attempt; scheduler/retry.h has the limits.
    column("user_failures", r.counters.user_failures);
    column("infra_losses", r.counters.infra_losses);
    column("preemptions", r.counters.preemptions);
    column("losses_in_row", r.counters.losses_in_row);
    column("not_before_ms", r.not_before_ms);
    column("error", r.error);
    column("hint", r.hint);
    column("left_behind", r.left_behind);
    column("summary", r.summary);
    column("adopted_from", r.adopted_from);
    column("created_ms", r.created_ms);
    column("ended_ms", r.ended_ms);
  }
};

// Key: (run, job, epoch). At most one row of a job is live (index attempts_live).
struct AttemptsTable {
  using Record = AttemptRecord;
  static constexpr char kName[] = "attempts";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("run", r.key.run);
    column("job", r.key.job);
    column("epoch", r.key.epoch);
    column("state", r.state);
    // Rank r runs on workers[r], as started with boots[r].
    column("workers", r.workers);
    column("boots", r.boots);
    column("checkpoint", r.checkpoint);
    column("resumed_step", r.resumed_step);
    column("stop_reason", r.stop_reason);
    // Why it ended, unless it succeeded.
    column("category", r.failure.category);
    column("error", r.failure.error);
    column("hint", r.failure.hint);
    column("deterministic", r.failure.deterministic);
    column("reason", r.failure.reason);
    column("log_tail", r.failure.log_tail);
    column("granted_ms", r.granted_ms);
    column("started_ms", r.started_ms);
    column("ended_ms", r.ended_ms);
  }
};

// Key: id. Of an existing artifact only the fields for pinning and removal change. If a removed
// artifact is made again, its maker changes, too.
struct ArtifactsTable {
  using Record = ArtifactRecord;
  static constexpr char kName[] = "artifacts";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("id", r.id);
    column("kind", r.kind);
    column("manifest", r.manifest);
    column("bytes", r.bytes);
    column("files", r.files);
    column("metadata", r.metadata);
    column("parents", r.parents);
    // Who made it; empty for an upload.
    column("run", r.made_by.run);
    column("job", r.made_by.job);
    column("epoch", r.made_by.epoch);
    column("role", r.role);
    column("worker", r.worker);
    column("name", r.name);
    column("created_ms", r.created_ms);
    column("pinned", r.pinned);
    column("removed_ms", r.removed_ms);
    column("removed_why", r.removed_why);
    // Whose quotas it counts for.
    column("user", r.user);
    column("site", r.site);
    column("bound", r.bound);
  }
};

// Key: id. A worker as it last registered, and its record of failures.
struct WorkersTable {
  using Record = WorkerRecord;
  static constexpr char kName[] = "workers";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("id", r.id);
    column("boot_id", r.boot_id);
    column("site", r.site);
    column("labels", r.labels);
    column("cpu_slots", r.cpu_slots);
    column("memory_bytes", r.memory_bytes);
    column("gpus", r.gpus);
    column("kinds", r.kinds);
    column("host", r.host);
    column("version", r.version);
    column("admit", r.admit);
    column("last_seen_ms", r.last_seen_ms);
    // As its newest hello says: its folder, and how others on the same machine reach it.
    column("instance", r.instance);
    column("network", r.network);
    column("folder", r.folder);
    column("ephemeral", r.ephemeral);
    // Failures on it since the last success, and its quarantine (scheduler/health.h).
    column("failures", r.health.failures);
    column("quarantine_until_ms", r.health.quarantine_until_ms);
    column("quarantines", r.health.quarantines);
  }
};

// Key: (site, way, class). Bytes that workers of a site have moved; rows are never deleted.
struct TrafficTable {
  using Record = TrafficRecord;
  static constexpr char kName[] = "traffic";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("site", r.key.site);
    column("way", r.key.way);
    column("class", r.key.of);
    column("bytes", r.bytes);
  }
};

// Key: (method, id). The stored answers of idempotent requests.
struct RequestsTable {
  using Record = RequestRecord;
  static constexpr char kName[] = "requests";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("method", r.method);
    column("id", r.id);
    column("body_sha256", r.body_sha256);
    column("answer", r.answer);
    column("time_ms", r.time_ms);
  }
};

// Key: id. Tokens, invitations and keys of workers; rows are never deleted.
struct CredentialsTable {
  using Record = CredentialRecord;
  static constexpr char kName[] = "credentials";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("id", r.id);
    column("kind", r.kind);
    column("name", r.name);
    column("role", r.role);
    column("site", r.site);
    column("sha256", r.sha256);
    column("created_ms", r.created_ms);
    column("created_by", r.created_by);
    column("expires_ms", r.expires_ms);
    column("last_used_ms", r.last_used_ms);
    column("ended_ms", r.ended_ms);
    column("ended_by", r.ended_by);
  }
};

// Key: seq, which the catalog assigns. Rows of the audit do not change; old ones are deleted.
struct AuditTable {
  using Record = AuditRecord;
  static constexpr char kName[] = "audit";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("seq", r.seq);
    column("time_ms", r.time_ms);
    column("user", r.user);
    column("role", r.role);
    column("credential", r.credential);
    column("peer", r.peer);
    column("call", r.call);
    column("object", r.object);
    column("outcome", r.outcome);
    column("detail", r.detail);
  }
};

// Key: seq. Events do not change; those of deleted runs and old ones are deleted.
struct EventsTable {
  using Record = EventRecord;
  static constexpr char kName[] = "events";
  template <typename R, typename Column>
  static void Columns(R& r, Column&& column) {
    column("seq", r.seq);
    column("time_ms", r.time_ms);
    column("kind", r.kind);
    column("run", r.run);
    column("job", r.job);
    column("epoch", r.epoch);
    column("worker", r.worker);
    column("detail", r.detail);
  }
};

}  // namespace braid::catalog
