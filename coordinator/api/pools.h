// Pools of workers at sites (pools.proto): the reports of their agents, and the demand for workers.
// All of it is kept in memory only, since an agent repeats its report about every second.
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
// A pool, as its agent describes it.
struct Pool {
  std::string name, engine, site, host, folder;
  int32_t max_workers = 0;
  int32_t cpu_slots = 0;
  int32_t gpus = 0;
  std::map<std::string, std::string> settings;
  std::vector<PoolJob> jobs;
  std::string trouble;
};
// An action or failure of a pool, numbered by its agent.
struct PoolEvent {
  int64_t number = 0;
  std::string what, detail;
};
// A worker of the pool that does not run any more.
struct GoneWorker {
  std::string id, why;
};
// One report of an agent.
struct PoolReport {
  Pool pool;
  std::string agent_id;
  std::vector<PoolEvent> events;
  std::vector<GoneWorker> gone;
  bool deleted = false;
};

// The demand that more workers could meet, as the last scheduling pass found it. Jobs that wait for
// something else (a backoff, or the recovery of a coordinator that has just started) are not
// included; a demand bound to a site is ignored by agents of other sites.
std::vector<task::Demand> DemandsOf(const State& state);

// A worker of a pool.
struct PoolWorker {
  std::string id;
  bool ready = false;
  int64_t slots_used = 0;
};
// The ephemeral workers whose ids begin with the name of the pool and a dot.
std::vector<PoolWorker> WorkersOf(const std::string& pool, const State& state);

// The newest report of each agent. Not thread-safe.
class PoolTable {
 public:
  // One pool.
  struct Entry {
    Pool pool;
    std::string agent_id;
    int64_t last_seen_ms = 0;       // monotonic
    int64_t last_seen_wall_ms = 0;  // wall clock
    int64_t last_event = 0;
  };

  // Stores a report: writes its new events, and ends the leases of workers that are gone.
  // kInvalidArgument for an impossible name, kAlreadyExists if another agent serves the pool.
  Status Take(const PoolReport& report, Transaction& tx);

  // All pools, by name.
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace braid::coordinator
