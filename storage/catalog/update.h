// Every durable change of braid's state is one of these values. Decisions return them, the catalog
// writes them (one transaction for a batch, with one event row for each that has an event), and
// only then are they applied to memory.
//
// New kind of update: a struct and a place in the variant here, its event and its effect on memory
// in update.cc, its SQL in write.cc, and a place in tests/storage/catalog.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/catalog/records.h"

namespace braid::catalog {

struct RunCreated {
  RunRecord run;
};
struct RunCancelRequested {
  std::string run;
};
struct RunEnded {
  std::string run;
  RunState state = RunState::kFailed;
  std::string error;
  int64_t ended_ms = 0;
};

struct JobCreated {
  JobRecord job;
};
// BLOCKED -> QUEUED: all parents have succeeded, their outputs are copied in.
struct JobQueued {
  JobKey job;
  StringMap inputs;
};
// ACTIVE -> QUEUED: the attempt of this epoch did not succeed and there is another try.
struct JobRequeued {
  AttemptKey attempt;
  Counters counters;
  int64_t not_before_ms = 0;
};
struct JobCancelling {
  JobKey job;
};
// Into an end. `epoch` is the job's lease epoch and fences the change.
struct JobEnded {
  JobKey job;
  int64_t epoch = 0;
  JobState state = JobState::kFailed;
  StringMap outputs;
  std::string summary;
  std::string error;
  std::string hint;
  Counters counters;
  int64_t ended_ms = 0;
};

// QUEUED -> ACTIVE: raises the job's lease epoch to the attempt's.
struct AttemptGranted {
  AttemptRecord attempt;
};
struct AttemptStarted {
  AttemptKey attempt;
  int64_t started_ms = 0;
};
// Asked to stop, for `reason`; of an aborted gang `failure` says what will be reported when all
// ranks are gone. May be written again with a better failure.
struct AttemptStopping {
  AttemptKey attempt;
  std::string reason;
  Failure failure;
};
struct AttemptEnded {
  AttemptKey attempt;
  AttemptState state = AttemptState::kFailed;
  Failure failure;
  int64_t ended_ms = 0;
};
// From now on the job resumes from this artifact. Resets the job's losses in a row.
struct CheckpointCommitted {
  AttemptKey attempt;
  int64_t step = 0;
  std::string artifact;
};

struct ArtifactCommitted {
  ArtifactRecord artifact;
};

// A worker said hello: new, changed, or with a new boot id.
struct WorkerRegistered {
  WorkerRecord worker;
};
struct WorkerAdmitted {
  std::string worker;
  WorkerAdmit admit = WorkerAdmit::kOpen;
};
struct WorkerSeen {
  std::string worker;
  int64_t last_seen_ms = 0;
};
// Only an event: links are known anew after each restart. `link`: connected, disconnected, lost,
// replaced.
struct WorkerLinkChanged {
  std::string worker;
  std::string link;
  std::string detail;
};

struct RequestRemembered {
  RequestRecord request;
};
struct RequestsForgotten {
  int64_t before_ms = 0;
};

using Update = std::variant<RunCreated, RunCancelRequested, RunEnded, JobCreated, JobQueued,
                            JobRequeued, JobCancelling, JobEnded, AttemptGranted, AttemptStarted,
                            AttemptStopping, AttemptEnded, CheckpointCommitted, ArtifactCommitted,
                            WorkerRegistered, WorkerAdmitted, WorkerSeen, WorkerLinkChanged,
                            RequestRemembered, RequestsForgotten>;
using Updates = std::vector<Update>;

// The event of an update, without seq and time; nothing for bookkeeping (WorkerSeen, requests).
std::optional<EventRecord> EventOf(const Update& update);

// The run that an update is about; null for those of workers and requests, and for an artifact that
// no run made.
const std::string* RunOf(const Update& update);

// Changes memory as the catalog changes its rows. REQUIRES: the update was committed or is about to
// be.
void Apply(const Update& update, Image& image);

}  // namespace braid::catalog
