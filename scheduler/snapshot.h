// What the scheduler sees: plain values made from the coordinator's state. Every policy is a pure
// function of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace braid::scheduler {

struct WorkerView {
  std::string id;
  std::string site;
  std::string host;  // workers of the same one can meet on 127.0.0.1
  int64_t cpu_slots = 0;
  int64_t gpus = 0;
  int64_t cpu_used = 0;  // by live leases
  int64_t gpus_used = 0;
  bool connected = false;  // has a session now
  bool admits = false;     // open, and not winding down itself
  std::string disk_full;   // why nothing is placed on it for now, for people; empty: there is room
                           // as far as we know
  std::vector<std::string> kinds;  // job kinds it runs; empty: all
  std::set<std::string> cached;    // artifact ids

  int64_t Slots(const std::string& device) const { return device == "cuda" ? gpus : cpu_slots; }
  int64_t Free(const std::string& device) const {
    return device == "cuda" ? gpus - gpus_used : cpu_slots - cpu_used;
  }
};

// A queued job: all its parents have succeeded.
struct JobView {
  std::string name;  // for details: "r-1/path_1"
  std::string kind;
  int64_t ranks = 1;
  int64_t slots = 1;  // of one rank
  std::string device = "cpu";
  std::string site;  // the only one it may run at; empty: anywhere
  int64_t not_before_ms = 0;
  double path_cost = 0;  // work from here to the end of its run, this job included
                         // (critical_path.h)
  std::string run;
  int64_t submitted_seq = 0;        // when its run was submitted; rises with time
  int64_t position = 0;             // in its run
  int64_t priority = 0;             // of its run; higher goes first
  std::string user;                 // of its run
  std::vector<std::string> inputs;  // artifact ids, the checkpoint among them
  std::string avoid;                // worker of the last failure: others are preferred
  std::string last_failure;         // for people; empty: none, or a success of something after it
  std::set<std::string> excluded;   // workers it must not run on, unless no other could ever run it
};

// What a user's live leases hold, or what there is.
struct Held {
  int64_t cpu_slots = 0;
  int64_t gpus = 0;
};

struct Snapshot {
  std::vector<WorkerView> workers;
  std::vector<JobView> jobs;  // all that are QUEUED, in any order
  int64_t now_ms = 0;         // wall clock, as not_before_ms
  bool recovering = false;    // the coordinator has just started; workers are still coming back
  std::map<std::string, Held> held;  // by user
};

// Why a job that may run does not. A closed set, the numbers are the API's.
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
  kDiskFull = 10
};
std::string_view Name(Reason reason);

struct Grant {
  size_t job = 0;               // index into Snapshot::jobs
  std::vector<size_t> workers;  // by rank, indices into Snapshot::workers; a worker may hold
                                // several ranks
};
struct Waiting {
  size_t job = 0;
  Reason reason = Reason::kNone;
  std::string detail;
};
// Every job of the snapshot is in exactly one of the two.
struct Plan {
  std::vector<Grant> grants;
  std::vector<Waiting> waiting;
};

}  // namespace braid::scheduler
