// The input and output of a scheduling pass: plain values, made from the coordinator's state. Every
// policy in this folder is a pure function of them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/device.h"
#include "base/words.h"
#include "task/requirements.h"

namespace braid::scheduler {

// A worker as the scheduler sees it.
struct WorkerView {
  std::string id;
  std::string site;
  // Identifies the host and the network namespace: workers with equal values can connect to each
  // other on 127.0.0.1.
  std::string host;
  int64_t cpu_slots = 0;
  int64_t gpus = 0;
  // Slots and GPUs that live leases hold.
  int64_t cpu_used = 0;
  int64_t gpus_used = 0;
  // The main memory that its ranks may have, and what live leases of jobs that say how much they
  // need hold of it. 0: not known, and every job has enough.
  int64_t memory_bytes = 0;
  int64_t memory_used = 0;
  // The worker has a session now.
  bool connected = false;
  // It has none since a moment ago, keeps its leases, and is likely to come back.
  bool disconnected = false;
  // The worker takes new jobs: it is open for them and is not about to stop.
  bool admits = false;
  // Why the worker gets no jobs for the moment, for people; empty: its disk has room, as far as is
  // known.
  std::string disk_full;
  // The same of a worker in quarantine (health.h); empty: it is in none.
  std::string quarantine;
  // The kinds of jobs that it runs; empty: all.
  std::vector<std::string> kinds;
  // Where its ranks are reached from other hosts; empty: they are not.
  std::string address;
  // The workers of other hosts that it has tried to reach, by id. The text is empty if it reached
  // them; otherwise it says where it tried and what failed, for people.
  std::map<std::string, std::string> tried;
  // It does not come back under its id once it has left, so that nothing is to be kept there.
  bool ephemeral = false;
  // Other workers of its site can read the files that it has, at its address; and it can read what
  // others of its site keep because it is bound there.
  bool serves_files = false;
  bool reads_bound = false;
  // The ids of the artifacts that it keeps because they are bound to its site; null: none.
  std::shared_ptr<const std::set<std::string>> kept;
  // The ids of artifacts in its cache; null: none. Shared, because views are copied in every pass.
  std::shared_ptr<const std::set<std::string>> cached;

  // All slots of a device, and those that are free; negative if a worker came back with fewer slots
  // than its leases hold.
  int64_t Slots(Device device) const { return device == Device::kCuda ? gpus : cpu_slots; }
  int64_t Free(Device device) const {
    return device == Device::kCuda ? gpus - gpus_used : cpu_slots - cpu_used;
  }
  // Slots of the device that are taken, to be changed.
  int64_t& Used(Device device) { return device == Device::kCuda ? gpus_used : cpu_used; }
};

// The ids of the workers that keep what a run has bound at a site. Both empty: there is nothing
// yet, and any worker may be the first.
struct Keepers {
  // Jobs of the run make, or have made, something there. They were placed so that each can read
  // from each other one.
  std::set<std::string> here;
  // They keep what the run took over from others, and need not be able to read from anybody.
  std::set<std::string> before;
  auto operator<=>(const Keepers&) const = default;
};

// A queued job, whose parents have all succeeded.
struct JobView : task::Requirements {
  // For messages: "r-1/path_1".
  std::string name;
  // The earliest wall-clock time of the next attempt.
  int64_t not_before_ms = 0;
  // The cost of the critical path from this job to the end of its run (critical_path.h).
  double path_cost = 0;
  std::string run;
  // The wall-clock time at which its run was submitted.
  int64_t submitted_wall_ms = 0;
  // The index in the run's topological order.
  int64_t position = 0;
  // Of its run; higher goes first.
  int64_t priority = 0;
  // Its run may have running jobs of runs of lower priority stopped for it (preempt.h).
  bool preempts = true;
  // The submitter of its run.
  std::string user;
  // The ids of its input artifacts, the checkpoint among them.
  std::vector<std::string> inputs;
  // Those of them that are bound to its site, each with the worker that made it, for messages.
  std::map<std::string, std::string> bound;
  // Of a job that makes something bound: those of its run at its site.
  Keepers keepers;
  // Of a job with a binding: the ids of the workers on which it may run as far as bound data goes
  // (bound_places.h); null: not found yet. Set within the pass, and shared by jobs that
  // read the same.
  std::shared_ptr<const std::set<std::string>> places;
  // The id of the worker of the last failed attempt; other workers are preferred.
  std::string avoid;
  // The error of the newest attempt, for people; empty if it did not fail.
  std::string last_failure;
  // Workers on which it must not run, unless the job could never run without them.
  std::set<std::string> excluded;
};

// An attempt that holds slots and is being stopped, or may be stopped for a job of a higher
// priority (preempt.h): one that writes a checkpoint first.
struct RunningView {
  // For messages: "r-1/path_1".
  std::string name;
  // Of its run.
  int64_t priority = 0;
  Device device = Device::kCpu;
  // The slots and the memory of each rank (0: it does not say), and the worker of each rank as an
  // index into Snapshot::workers.
  int64_t slots = 1;
  int64_t memory_bytes = 0;
  std::vector<size_t> workers;
  // It is being stopped, for whatever reason: its slots will be free soon. One that takes longer
  // than it may is left out of the snapshot.
  bool stopping = false;
  // When it is killed if it has not ended by then, on the wall clock; of one that is not being
  // stopped: if it were told now. 0: not known.
  int64_t stops_until_wall_ms = 0;
  // How often attempts of its job were stopped before, for whatever reason.
  int64_t preemptions = 0;
  // What it has done since its newest checkpoint, as milliseconds of slots: the work that is lost
  // if it cannot write another one.
  int64_t unsaved = 0;
  int64_t granted_wall_ms = 0;
};

// Amounts of slots and memory: those that a user's live leases hold, or those of all workers.
struct SlotAmounts {
  int64_t cpu_slots = 0;
  int64_t gpus = 0;
  int64_t memory_bytes = 0;

  // The amount of a device, to be changed.
  int64_t& Of(Device device) { return device == Device::kCuda ? gpus : cpu_slots; }
  bool operator==(const SlotAmounts&) const = default;
};

// The state at the beginning of a pass.
struct Snapshot {
  std::vector<WorkerView> workers;
  // The queued jobs that may be granted slots, in any order. Jobs that come after so many of their
  // class (MostGrants) in the line of their user may be left out: they would wait as the last of
  // those does.
  std::vector<JobView> jobs;
  // The wall-clock time, to which not_before_ms refers.
  int64_t now_wall_ms = 0;
  // The coordinator has just started, and workers are still connecting again.
  bool recovering = false;
  // What each user holds, by name.
  std::map<std::string, SlotAmounts> held;
  // Empty if no job may be stopped for another one.
  std::vector<RunningView> running;
};

// Why a job does not run. The set and the numbers are those of the API (jobs.proto), which explains
// each value. kWaitingParents is for jobs that are not queued yet, kRunPaused for jobs of a paused
// run, which the scheduler is not asked about; it never gives them.
enum class Reason {
  kNone = 0,
  kWaitingParents = 1,
  kWaitingCapacity = 2,
  kNoMatchingWorker = 3,
  kDataSiteOffline = 4,
  kGangIncomplete = 5,
  kBackoff = 6,
  kWorkerExcluded = 7,
  kUnschedulable = 8,
  kRecoveringLeases = 9,
  kDiskFull = 10,
  kWorkerQuarantined = 11,
  kRunPaused = 12,
  kPreempting = 13
};

// The name in the API: "WAITING_CAPACITY"; "" for kNone.
const Words& WordsOf(Reason);

// A job that is to run now.
struct Grant {
  // An index into Snapshot::jobs.
  size_t job = 0;
  // The worker of each rank, as an index into Snapshot::workers; a worker may hold several ranks.
  std::vector<size_t> workers;
};

// A job that waits, with the reason and its details for people.
struct Waiting {
  size_t job = 0;
  Reason reason = Reason::kNone;
  std::string detail;
};

// A running job that is to be stopped for one that waits.
struct Stop {
  // An index into Snapshot::running.
  size_t running = 0;
  // The one that waits, an index into Snapshot::jobs.
  size_t job = 0;
};

// The result of a pass: every job of the snapshot is either granted or waits.
struct Plan {
  std::vector<Grant> grants;
  std::vector<Waiting> waiting;
  std::vector<Stop> stops;
};

}  // namespace braid::scheduler
