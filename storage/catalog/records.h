// The rows of the catalog as values: all durable state of braid. A run, job or attempt is "live"
// until it has ended. The states and their transitions:
//
//   Run      ACTIVE -> SUCCEEDED | FAILED | CANCELLED   (follows from the states of its jobs)
//   Job      BLOCKED -> QUEUED -> ACTIVE -> SUCCEEDED | FAILED
//            ACTIVE -> QUEUED                           (another attempt)
//            ACTIVE -> CANCELLING -> CANCELLED
//            BLOCKED -> SKIPPED                         (a parent failed, or it is left behind)
//            BLOCKED | QUEUED -> CANCELLED
//            Jobs of a paused run stay QUEUED, and are granted no attempt.
//   Attempt  OFFERED -> RUNNING -> SUCCEEDED | FAILED
//            live -> STOPPING -> PREEMPTED | CANCELLED | FAILED
//            live -> LOST                               (its worker stayed silent)
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "storage/catalog/credentials.h"
#include "task/assignment.h"
#include "task/keys.h"
#include "task/outcome.h"
#include "task/rung.h"
#include "task/worker_health.h"

namespace braid::catalog {

// The numbers of these enums are stored in the catalog and sent in the API: they never change.
enum class RunState { kActive = 1, kSucceeded, kFailed, kCancelled };

// The first four are live: blocked (a parent has not succeeded yet), queued (waits for slots),
// active (an attempt holds the lease), cancelling (its attempt has not confirmed its end yet). A
// job is skipped if a parent did not succeed, or if its trial was stopped at a rung.
enum class JobState {
  kBlocked = 1,
  kQueued,
  kActive,
  kCancelling,
  kSucceeded,
  kFailed,
  kCancelled,
  kSkipped
};
// The numbers are those of the API. Its 3 (disconnected) is a live attempt whose worker is silent
// at the moment; it is computed for answers and never stored.
enum class AttemptState {
  kOffered = 1,
  kRunning = 2,
  kStopping = 4,
  kSucceeded = 5,
  kFailed = 6,
  kPreempted = 7,
  kCancelled = 8,
  kLost = 9
};

// Whether a worker is given new work: open; cordoned (keeps its work, gets no more); draining (also
// stops its work at a checkpoint).
enum class WorkerAdmit { kOpen = 1, kCordoned, kDraining };

// The state as events and reports print it: "SUCCEEDED".
std::string_view Name(RunState state);
std::string_view Name(JobState state);
std::string_view Name(AttemptState state);
std::string_view Name(WorkerAdmit admit);

// True iff the state is final.
inline bool Ended(RunState state) {
  return state != RunState::kActive;
}
inline bool Ended(JobState state) {
  return state >= JobState::kSucceeded;
}
inline bool Ended(AttemptState state) {
  return state >= AttemptState::kSucceeded;
}

// Names or roles to values.
using StringMap = std::map<std::string, std::string>;

using task::AttemptKey;
using task::JobKey;

// One submitted recipe, or one merge request.
struct RunRecord {
  std::string id;
  std::string name;
  RunState state = RunState::kActive;
  // The text of the recipe; empty for a run that a merge request made.
  std::string recipe;
  std::string recipe_sha256;
  // The artifact that holds each source of the recipe, by the source's name.
  StringMap sources;
  // The jobs that the user selected (`--only`); empty: all.
  std::vector<std::string> only;
  // The id of the run that this one repeats; or empty.
  std::string retry_of;
  // The priority of its jobs against those of other runs; higher goes first.
  int64_t priority = 0;
  // Running jobs of runs of lower priority may be stopped for its jobs, if the coordinator allows
  // that.
  bool preempts = true;
  // The submitter's name according to the client, for fair shares. It is not authenticated.
  std::string user;
  bool cancel_requested = false;
  // How many seconds it may take from its creation, pauses left out; 0: any number.
  int64_t max_duration_s = 0;
  // Since when it is paused (0: it is not), who paused it, and why, as they said.
  int64_t paused_ms = 0;
  std::string paused_by;
  std::string pause_reason;
  // How long its earlier pauses lasted together.
  int64_t paused_before_ms = 0;
  // The span of the call that made it, as W3C's traceparent: its own spans are below that one. May
  // be empty.
  std::string traceparent;
  // Words by which people find it, sorted, each once (recipe/tags.h). They may change after its
  // end, too.
  std::vector<std::string> tags;
  std::string error;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const RunRecord&) const = default;
};

// The origin of an input: an output of another job of the run, or an artifact.
struct InputSource {
  std::string job;
  std::string role;
  // The artifact's id, if `job` is empty.
  std::string artifact;
  bool operator==(const InputSource&) const = default;
};

// How often attempts of a job ended without success, by who is responsible: losing a machine is not
// the user's mistake, so each kind has a limit of its own (docs/operating.md). `losses_in_row`
// counts the losses of machines since the newest checkpoint.
struct Counters {
  int64_t user_failures = 0;
  int64_t infra_losses = 0;
  int64_t preemptions = 0;
  int64_t losses_in_row = 0;
  bool operator==(const Counters&) const = default;
};

// A job of a run: its spec, its place in the graph and its progress.
struct JobRecord : task::JobSpec {
  JobKey key;
  // The index in the run's topological order.
  int64_t position = 0;
  std::vector<std::string> parents;
  // The origin of each input, by the input's role.
  std::map<std::string, InputSource> input_sources;
  // The expected cost of the whole job, in floating-point operations, and in tokens.
  double flops = 0;
  int64_t tokens = 0;
  // Two settings of a training that the coordinator acts on, taken out of `spec` when the job is
  // made. Checkpoints that are kept: -1: all, 0: as many as the coordinator's options say. Seconds
  // without a step after which the program is stopped; 0: never.
  int64_t keep_checkpoints = 0;
  int64_t stall_timeout_s = 0;
  // How many seconds its attempts may take together; 0: any number.
  int64_t max_duration_s = 0;
  // Of a training that is compared with others.
  task::Rung rung;

  JobState state = JobState::kBlocked;
  // The lease epoch of the newest attempt; 0 before the first one.
  int64_t epoch = 0;
  // The artifact of each output, by its role; filled at success.
  StringMap outputs;
  // The newest committed checkpoint (an artifact id) and the step at which it was taken.
  std::string checkpoint;
  int64_t checkpoint_step = 0;
  Counters counters;
  // The earliest wall-clock time of the next attempt (back-off), in ms since 1970.
  int64_t not_before_ms = 0;
  std::string error;
  std::string hint;
  // The run goes on without it: a trial that was stopped at a rung (task/rung.h), or whose training
  // failed by itself, or a job that needs such a trial. No failure of the run; `error` says why.
  bool left_behind = false;
  // What the program reported about its result, as JSON; or empty.
  std::string summary;
  // "run/job" of the job whose outputs a retry took over instead of running this one; or empty.
  std::string adopted_from;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const JobRecord&) const = default;
};

using task::Failure;

// Why an attempt is asked to stop: its run was cancelled, its worker is drained (both leave it time
// for a checkpoint), one of its ranks has failed, without which the others cannot go on, the job or
// its run has taken as long as it may, its run is paused, or its slots are wanted for a run of
// higher priority (these leave it time for a checkpoint, too).
enum class StopReason { kNone, kCancel, kDrain, kAbort, kTimeLimit, kPause, kPreempt };
const Words& WordsOf(StopReason);

// One execution of a job under one lease epoch.
struct AttemptRecord {
  AttemptKey key;
  AttemptState state = AttemptState::kOffered;
  // The worker of each rank.
  std::vector<std::string> workers;
  // The boot id of that worker when the lease was granted: a worker that restarted has another one
  // and does not run the rank any more.
  std::vector<std::string> boots;
  // The checkpoint that the attempt began from, and its step; empty and 0 if it began anew.
  std::string checkpoint;
  int64_t resumed_step = 0;
  // Why it was told to stop.
  StopReason stop_reason = StopReason::kNone;
  Failure failure;
  int64_t granted_ms = 0;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const AttemptRecord&) const = default;
};

// An immutable set of files. The bytes are in the blob store, the list of files is the manifest.
struct ArtifactRecord {
  std::string id;
  // A word of task::ArtifactKind, or the kind that a user gave at the upload.
  std::string kind;
  // The canonical bytes, whose SHA-256 is the id (storage/files/manifest.h).
  std::string manifest;
  int64_t bytes = 0;
  int64_t files = 0;
  // The manifest's metadata, as JSON.
  std::string metadata;
  std::vector<std::string> parents;
  // The attempt that made it; `run` is empty for an artifact that a user uploaded.
  AttemptKey made_by;
  std::string role;
  std::string worker;
  std::string name;
  // Whose it is: the user of the run that made it, or who uploaded it; and the site of the worker
  // that made it. Both may be empty: not known.
  std::string user;
  std::string site;
  // Its files are bound to that site: they are on workers there, and not in the blob store.
  bool bound = false;
  int64_t created_ms = 0;
  // A user wants it kept, whatever else is removed.
  bool pinned = false;
  // When and why it was decided that its bytes may go; 0: they are kept. The row stays, for lineage
  // and for people. The bytes may be there for a while longer, and the same content can be
  // committed again, which makes it an artifact like any other.
  int64_t removed_ms = 0;
  std::string removed_why;
  bool operator==(const ArtifactRecord&) const = default;
};

// A GPU of a worker.
struct GpuRecord {
  std::string id;
  std::string name;
  int64_t memory_bytes = 0;
  bool operator==(const GpuRecord&) const = default;
};

using task::WorkerFailure;
using task::WorkerHealth;

// A worker as it introduced itself when it last connected.
struct WorkerRecord {
  std::string id;
  // A new random id at each start of the worker's process.
  std::string boot_id;
  std::string site;
  StringMap labels;
  int64_t cpu_slots = 0;
  // The main memory that its ranks may have together; 0: it did not say.
  int64_t memory_bytes = 0;
  std::vector<GpuRecord> gpus;
  // The kinds of jobs that it runs; empty: all.
  std::vector<std::string> kinds;
  std::string host;
  std::string version;
  // The id of the worker's folder. A process that starts in the same folder is the same worker with
  // another boot id; the same name with another instance is a different worker.
  std::string instance;
  // The name of its loopback interface (base/host.h): ranks on workers with equal names can connect
  // to each other on 127.0.0.1.
  std::string network;
  // The path of its folder, so that people see whose disk is full.
  std::string folder;
  WorkerAdmit admit = WorkerAdmit::kOpen;
  int64_t last_seen_ms = 0;
  // It does not come back under its id: once it has left or is lost, its row is removed.
  bool ephemeral = false;
  // The failures on it, and its quarantine.
  WorkerHealth health;
  bool operator==(const WorkerRecord&) const = default;
};

// Bytes of files that workers of a site have sent to the coordinator, fetched from it, directly
// from its bucket, or from each other. A class is that of an artifact's kind; what is of no other
// class is kOther.
enum class TrafficWay { kSent, kFetched, kDirect, kNeighbour };
enum class TrafficClass { kCorpus, kShards, kCheckpoint, kOther };
const Words& WordsOf(TrafficWay);
const Words& WordsOf(TrafficClass);
// The class of artifacts of this kind, a word of task::ArtifactKind.
TrafficClass TrafficClassOf(std::string_view kind);

// What is counted apart.
struct TrafficKey {
  std::string site;
  TrafficWay way = TrafficWay::kSent;
  TrafficClass of = TrafficClass::kOther;
  auto operator<=>(const TrafficKey&) const = default;
};
// One of the counts; it only grows.
struct TrafficRecord {
  TrafficKey key;
  int64_t bytes = 0;
  bool operator==(const TrafficRecord&) const = default;
};

// The answer to a request that changes state. Within a day, the same id with the same body gets
// this answer again instead of a second effect.
struct RequestRecord {
  std::string method;
  std::string id;
  std::string body_sha256;
  std::string answer;
  int64_t time_ms = 0;
  bool operator==(const RequestRecord&) const = default;
};

// One line of the history, for people and for clients that follow a run.
struct EventRecord {
  // 1, 2, 3, ... in the order of commits. Without gaps, but for the events of runs that were
  // deleted, and for old ones (Image::compacted_seq).
  int64_t seq = 0;
  int64_t time_ms = 0;
  // The subject and what happened to it: "job.queued", "attempt.granted".
  std::string kind;
  std::string run;
  std::string job;
  int64_t epoch = 0;
  std::string worker;
  std::string detail;
  bool operator==(const EventRecord&) const = default;
};

// All rows in memory, except the events.
struct Image {
  std::map<std::string, RunRecord> runs;
  std::map<JobKey, JobRecord> jobs;
  std::map<AttemptKey, AttemptRecord> attempts;
  std::map<std::string, ArtifactRecord> artifacts;
  std::map<std::string, WorkerRecord> workers;
  std::map<std::pair<std::string, std::string>, RequestRecord> requests;  // (method, id)
  CredentialTable credentials;
  std::map<TrafficKey, TrafficRecord> traffic;
  int64_t last_seq = 0;
  // Events up to this one were removed because of their age.
  int64_t compacted_seq = 0;
  bool operator==(const Image&) const = default;
};

}  // namespace braid::catalog
