// Pools of workers at sites (pools.proto): what their agents say, and which workers are wanted. All
// of it is known in memory alone: an agent says everything again every second or so.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"
#include "task/demand.h"

namespace braid::coordinator {

// The fields are those of the messages of the same names in pools.proto.
struct PoolJob {
  std::string id, name, state, reason;
  int32_t workers = 0;
};
struct Pool {
  std::string name, engine, site, host, folder;
  int32_t max_workers = 0;
  int32_t cpu_slots = 0;
  int32_t gpus = 0;
  std::map<std::string, std::string> settings;
  std::vector<PoolJob> jobs;
  std::string trouble;
};
struct PoolEvent {
  int64_t number = 0;
  std::string what, detail;
};
struct GoneWorker {
  std::string id, why;
};
struct PoolReport {
  Pool pool;
  std::string agent_id;
  std::vector<PoolEvent> events;
  std::vector<GoneWorker> gone;
  bool deleted = false;
};

// The demand that more workers could meet, as the last scheduling pass found it. Of jobs that wait
// for something else (a backoff, the recovery of a coordinator that has just started, a site that
// no pool is at) there is none, or the agent sees that it is not its.
std::vector<task::Demand> DemandsOf(const State& state);

// A worker of a pool.
struct PoolWorker {
  std::string id;
  bool ready = false;
  int64_t slots_used = 0;
};
// The ephemeral workers whose ids begin with the name of the pool and a dot.
std::vector<PoolWorker> WorkersOf(const std::string& pool, const State& state);

// What the agents said. Not thread-safe.
class PoolTable {
 public:
  struct Entry {
    Pool pool;
    std::string agent_id;
    int64_t last_seen_ms = 0;       // monotonic
    int64_t last_seen_wall_ms = 0;  // wall clock
    int64_t last_event = 0;
  };

  // Takes a report: writes its new events, loses what is leased to workers that are gone, and keeps
  // the rest. kInvalidArgument for a name that is none, kAlreadyExists if another agent serves the
  // pool.
  Status Take(const PoolReport& report, Transaction& tx);

  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace braid::coordinator
