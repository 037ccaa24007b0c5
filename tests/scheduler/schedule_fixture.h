// Workers and jobs for tests of Schedule.
#pragma once

#include <cstdint>
#include <string>

#include "scheduler/schedule.h"

namespace braid::scheduler {

inline WorkerView Worker(const std::string& id, int64_t slots, int64_t used = 0,
                         const std::string& site = "local") {
  WorkerView worker;
  worker.id = id;
  worker.site = site;
  worker.cpu_slots = slots;
  worker.cpu_used = used;
  worker.connected = true;
  worker.admits = true;
  return worker;
}

inline JobView Job(const std::string& name, double cost, int64_t ranks = 1, int64_t slots = 1) {
  JobView job;
  job.name = name;
  job.kind = "train";
  job.path_cost = cost;
  job.ranks = ranks;
  job.slots = slots;
  return job;
}

inline Reason OnlyReason(const Plan& plan) {
  return plan.waiting.size() == 1 ? plan.waiting[0].reason : Reason::kNone;
}

inline constexpr int64_t kGib = int64_t{1} << 30;

inline WorkerView WithMemory(const std::string& id, int64_t gib, int64_t used_gib = 0) {
  WorkerView worker = Worker(id, 2);
  worker.memory_bytes = gib * kGib;
  worker.memory_used = used_gib * kGib;
  return worker;
}

inline JobView Needing(const std::string& name, int64_t gib, double cost = 1) {
  JobView job = Job(name, cost);
  job.memory_bytes = gib * kGib;
  return job;
}

}  // namespace braid::scheduler
