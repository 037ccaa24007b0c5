// The rows of the catalog as values: what braid knows durably. Live = has not ended.
//
//   Run      ACTIVE -> SUCCEEDED | FAILED | CANCELLED, derived from its jobs
//   Job      BLOCKED -> QUEUED -> ACTIVE -> SUCCEEDED | FAILED, ACTIVE -> QUEUED (again), ACTIVE ->
//   CANCELLING -> CANCELLED,
//            BLOCKED -> SKIPPED, BLOCKED | QUEUED -> CANCELLED
//   Attempt  OFFERED -> RUNNING -> SUCCEEDED | FAILED, live -> STOPPING -> PREEMPTED | CANCELLED |
//   FAILED, live -> LOST
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "task/assignment.h"
#include "task/keys.h"
#include "task/outcome.h"

namespace braid::catalog {

enum class RunState { kActive = 1, kSucceeded, kFailed, kCancelled };
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
// Numbers are those of the API; 3 (disconnected) is a live attempt on a silent worker and never
// stored.
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
enum class WorkerAdmit { kOpen = 1, kCordoned, kDraining };

// "SUCCEEDED", ...: as events and reports print them.
std::string_view Name(RunState state);
std::string_view Name(JobState state);
std::string_view Name(AttemptState state);
std::string_view Name(WorkerAdmit admit);

inline bool Ended(RunState state) {
  return state != RunState::kActive;
}
inline bool Ended(JobState state) {
  return state >= JobState::kSucceeded;
}
inline bool Ended(AttemptState state) {
  return state >= AttemptState::kSucceeded;
}

using StringMap = std::map<std::string, std::string>;

using task::AttemptKey;
using task::JobKey;

struct RunRecord {
  std::string id;
  std::string name;
  RunState state = RunState::kActive;
  std::string recipe;  // the YAML text; empty for a run that a merge request made
  std::string recipe_sha256;
  StringMap sources;  // source name -> artifact id
  std::vector<std::string> only;
  std::string retry_of;
  int64_t priority = 0;  // of its jobs against those of other runs; higher goes first
  std::string user;  // who submitted it, as the client says: shares are fair between honest users,
                     // nothing is proven
  bool cancel_requested = false;
  std::string error;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const RunRecord&) const = default;
};

// Where an input comes from: an output of another job of the run, or an artifact.
struct InputSource {
  std::string job;
  std::string role;
  std::string artifact;  // if job is empty
  bool operator==(const InputSource&) const = default;
};

// Three counters, because losing a machine is not the user's mistake (docs/operating.md).
// `losses_in_row` counts infra losses since the last new checkpoint.
struct Counters {
  int64_t user_failures = 0;
  int64_t infra_losses = 0;
  int64_t preemptions = 0;
  int64_t losses_in_row = 0;
  bool operator==(const Counters&) const = default;
};

// The spec, and what has become of it.
struct JobRecord : task::JobSpec {
  JobKey key;
  int64_t position = 0;  // in the run's topological order
  std::vector<std::string> parents;
  std::map<std::string, InputSource> input_sources;  // role -> where from
  double flops = 0;                                  // expected, of the whole job
  int64_t tokens = 0;

  JobState state = JobState::kBlocked;
  int64_t epoch = 0;  // lease epoch: of the newest attempt
  StringMap outputs;
  std::string checkpoint;  // newest committed checkpoint artifact
  int64_t checkpoint_step = 0;
  Counters counters;
  int64_t not_before_ms = 0;
  std::string error;
  std::string hint;
  std::string summary;  // JSON, or empty
  std::string adopted_from;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const JobRecord&) const = default;
};

using task::Failure;

struct AttemptRecord {
  AttemptKey key;
  AttemptState state = AttemptState::kOffered;
  std::vector<std::string> workers;  // by rank
  std::vector<std::string> boots;    // boot id of that worker when the lease was granted
  std::string checkpoint;            // it began from
  int64_t resumed_step = 0;
  std::string stop_reason;  // cancel, drain, abort
  Failure failure;
  int64_t granted_ms = 0;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  bool operator==(const AttemptRecord&) const = default;
};

struct ArtifactRecord {
  std::string id;
  std::string kind;
  std::string manifest;  // canonical bytes
  int64_t bytes = 0;
  int64_t files = 0;
  std::string metadata;  // JSON
  std::vector<std::string> parents;
  AttemptKey made_by;  // run is empty for an artifact that a user put
  std::string role;
  std::string worker;
  std::string name;
  int64_t created_ms = 0;
  bool operator==(const ArtifactRecord&) const = default;
};

struct GpuRecord {
  std::string id;
  std::string name;
  int64_t memory_bytes = 0;
  bool operator==(const GpuRecord&) const = default;
};

struct WorkerRecord {
  std::string id;
  std::string boot_id;
  std::string site;
  StringMap labels;
  int64_t cpu_slots = 0;
  std::vector<GpuRecord> gpus;
  std::vector<std::string> kinds;  // job kinds it runs; empty: all
  std::string host;
  std::string version;
  std::string instance;  // of its folder, for good: a new boot of the same folder is the same
                         // worker
  std::string network;  // names the loopback interface it uses: who shares it can meet on 127.0.0.1
  std::string folder;   // of its cache and ranks, for people: whose disk it is
  WorkerAdmit admit = WorkerAdmit::kOpen;
  int64_t last_seen_ms = 0;
  bool operator==(const WorkerRecord&) const = default;
};

// An answered request: the same id with the same body gets the same answer for a day.
struct RequestRecord {
  std::string method;
  std::string id;
  std::string body_sha256;
  std::string answer;
  int64_t time_ms = 0;
  bool operator==(const RequestRecord&) const = default;
};

struct EventRecord {
  int64_t seq = 0;  // 1, 2, 3, ... without gaps
  int64_t time_ms = 0;
  std::string kind;
  std::string run;
  std::string job;
  int64_t epoch = 0;
  std::string worker;
  std::string detail;
  bool operator==(const EventRecord&) const = default;
};

// Everything but the events.
struct Image {
  std::map<std::string, RunRecord> runs;
  std::map<JobKey, JobRecord> jobs;
  std::map<AttemptKey, AttemptRecord> attempts;
  std::map<std::string, ArtifactRecord> artifacts;
  std::map<std::string, WorkerRecord> workers;
  std::map<std::pair<std::string, std::string>, RequestRecord> requests;  // (method, id)
  int64_t last_seq = 0;
  bool operator==(const Image&) const = default;
};

}  // namespace braid::catalog
