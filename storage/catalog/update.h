// The changes of braid's durable state. Every change is one of these values: decisions return them,
// the catalog writes them (one transaction for a batch, with one row in `events` for each that has
// an event), and memory follows. There is no other way to change the state.
//
// For a new kind of update: add a struct and an entry of the variant here, its event and its effect
// on memory in update.cc, its rule in rules.cc, its undo in undo.cc, its SQL in write.cc, and a
// test in tests/storage/catalog.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/catalog/audit.h"
#include "storage/catalog/records.h"

namespace braid::catalog {

// A run exists, ACTIVE, without jobs yet.
struct RunCreated {
  RunRecord run;
};

// A user cancelled the run; its jobs are cancelled one after another.
struct RunCancelRequested {
  std::string run;
};

// A user paused the run: its jobs are granted nothing.
struct RunPaused {
  std::string run;
  // Who, and why; either may be empty.
  std::string by;
  std::string reason;
  int64_t paused_ms = 0;
};
// The run goes on.
struct RunResumed {
  std::string run;
  std::string by;
  // How long its pauses lasted together, this one included.
  int64_t paused_before_ms = 0;
};

// A user changed the tags of the run, which may have ended.
struct RunTagged {
  std::string run;
  // All that it has from now on, sorted, each once.
  std::vector<std::string> tags;
  // For the event.
  std::string detail;
};

// All jobs of the run have ended. A run that ends is not paused any more.
struct RunEnded {
  std::string run;
  RunState state = RunState::kFailed;
  std::string error;
  int64_t ended_ms = 0;
};

// A job of a run exists, in any state: an adopted one has succeeded already.
struct JobCreated {
  JobRecord job;
};
// BLOCKED -> QUEUED: all parents have succeeded. `inputs` (role to artifact) holds their outputs.
struct JobQueued {
  JobKey job;
  StringMap inputs;
};
// ACTIVE -> QUEUED: the attempt of this epoch ended without success, and another one is allowed,
// not before the given wall-clock time.
struct JobRequeued {
  AttemptKey attempt;
  // With this attempt's end counted.
  Counters counters;
  int64_t not_before_ms = 0;
};

// ACTIVE -> CANCELLING: the attempt was told to stop.
struct JobCancelling {
  JobKey job;
};
// Any live state -> a final one. `epoch` is the job's lease epoch: the update is refused if another
// attempt was granted in the meantime.
struct JobEnded {
  JobKey job;
  int64_t epoch = 0;
  JobState state = JobState::kFailed;
  // Of a success: the artifact of each output by its role, and what the program reported, as JSON.
  StringMap outputs;
  std::string summary;
  // Of a failure, for people.
  std::string error;
  std::string hint;
  // With the last attempt's end counted.
  Counters counters;
  int64_t ended_ms = 0;
  // JobRecord has it.
  bool left_behind = false;
};

// QUEUED -> ACTIVE: a new attempt, whose epoch becomes the job's lease epoch.
struct AttemptGranted {
  AttemptRecord attempt;
};

// OFFERED -> RUNNING: the program of the first of its ranks has started.
struct AttemptStarted {
  AttemptKey attempt;
  int64_t started_ms = 0;
};
// A live attempt -> STOPPING, for `reason`. When one rank of a gang failed, `failure` holds its
// error, which is reported when all ranks have ended. May be written again with a more precise
// failure.
struct AttemptStopping {
  AttemptKey attempt;
  StopReason reason = StopReason::kNone;
  Failure failure;
};

// A live attempt -> a final state.
struct AttemptEnded {
  AttemptKey attempt;
  AttemptState state = AttemptState::kFailed;
  Failure failure;
  int64_t ended_ms = 0;
};
// The job resumes from this artifact from now on. Resets the count of losses in a row.
struct CheckpointCommitted {
  // Who made it: an attempt that was fenced off meanwhile cannot set the job back.
  AttemptKey attempt;
  // The optimizer steps that the checkpoint has behind it.
  int64_t step = 0;
  std::string artifact;
};

// An artifact exists. No effect if it existed before, unless it was removed: then it is a new one,
// of whoever made it now. Keeping the earlier maker would protect the artifact for a run that does
// not need it or no longer exists, and not for the run that does.
struct ArtifactCommitted {
  ArtifactRecord artifact;
};
// A user wants the artifact kept, or does not want it any more.
struct ArtifactPinned {
  std::string artifact;
  bool pinned = false;
};
// Nothing needs the artifact any more: its blobs may be deleted, unless others have them too.
struct ArtifactRemoved {
  std::string artifact;
  std::string why;
  int64_t removed_ms = 0;
};

// The run, its jobs, its attempts and its events are gone. It had ended.
struct RunDeleted {
  std::string run;
  // For the event, which is all that is left.
  std::string name;
};
// Events up to this number are gone. Never the newest one: this update has an event itself.
struct EventsCompacted {
  int64_t through_seq = 0;
};

// A worker connected that is new, has changed, or has a new boot id.
struct WorkerRegistered {
  WorkerRecord worker;
};

// A user changed whether the worker gets new work.
struct WorkerAdmitted {
  std::string worker;
  WorkerAdmit admit = WorkerAdmit::kOpen;
};

// A job failed or succeeded on the worker, or somebody ended its quarantine (scheduler/health.h).
// `event` is quarantined, released, or empty for a change that people need not see.
struct WorkerHealthChanged {
  std::string worker;
  WorkerHealth health;
  std::string event;
  // For the event.
  std::string detail;
};

// The time of the last contact with the worker, written about once a minute and not at each
// heartbeat.
struct WorkerSeen {
  std::string worker;
  int64_t last_seen_ms = 0;
};
// Makes an event and changes no row: connections are known anew after each restart. `link` is one
// of connected, disconnected, lost, replaced, removed.
struct WorkerLinkChanged {
  std::string worker;
  std::string link;
  std::string detail;
};

// The row of an ephemeral worker that has left is gone. Nothing is leased to it.
struct WorkerForgotten {
  std::string worker;
  // For the event.
  std::string why;
};
// Makes an event and changes no row: an action or a failure of a pool. docs/api.md lists the values
// of `what`.
struct PoolReported {
  std::string pool;
  std::string what;
  std::string detail;
};

// Makes an event and changes no row: something about the coordinator itself that people should
// know. `what` is one of disk_low, disk_ok.
struct ServerReported {
  std::string what;
  std::string detail;
};

// A credential exists, or has changed. `event` says how, as the kind of an event ("token.created"),
// with `detail`; empty for a change that would only add noise.
struct CredentialChanged {
  CredentialRecord credential;
  std::string event;
  std::string detail;
};

// More bytes were moved.
struct TrafficCounted {
  TrafficRecord more;
};

// A request was answered (RequestRecord).
struct RequestRemembered {
  RequestRecord request;
};

// Answers from before this time are not needed any more.
struct RequestsForgotten {
  int64_t before_ms = 0;
};

// Somebody asked for a change (audit.h); its `seq` is not looked at. Changes no other row, and is
// no part of the image.
struct AuditWritten {
  AuditRecord row;
};
// Rows of the audit from before this time are not kept any more.
struct AuditForgotten {
  int64_t before_ms = 0;
};

// Any of the changes above.
using Update =
    std::variant<RunCreated, RunCancelRequested, RunPaused, RunResumed, RunEnded, JobCreated,
                 JobQueued, JobRequeued, JobCancelling, JobEnded, AttemptGranted, AttemptStarted,
                 AttemptStopping, AttemptEnded, CheckpointCommitted, ArtifactCommitted,
                 WorkerRegistered, WorkerAdmitted, WorkerSeen, WorkerLinkChanged, CredentialChanged,
                 RequestRemembered, RequestsForgotten, ArtifactPinned, ArtifactRemoved, RunDeleted,
                 EventsCompacted, AuditWritten, AuditForgotten, WorkerForgotten, PoolReported,
                 ServerReported, WorkerHealthChanged, TrafficCounted, RunTagged>;
using Updates = std::vector<Update>;

// The event of an update, without its sequence number and time; nullopt for updates that would only
// add noise (WorkerSeen, requests).
std::optional<EventRecord> EventOf(const Update& update);

// The run that an update is about; null for those of workers and requests, and for an artifact that
// no run made.
const std::string* RunOf(const Update& update);

// Changes memory as the catalog changes its rows. REQUIRES: the update was committed or is about to
// be.
void Apply(const Update& update, Image& image);

}  // namespace braid::catalog
