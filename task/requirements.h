// What a job demands of the workers that run it.
#pragma once

#include <cstdint>
#include <string>

#include "base/device.h"
#include "task/binding.h"

namespace braid::task {

// Part of every description of a job: the graph of a recipe, the scheduler's view, the catalog's
// record and the order to a worker embed it.
struct Requirements {
  // The kind of job (task/job_kind.h), as a word; a worker may run some kinds only.
  std::string kind;
  // The number of processes that run the job together.
  int64_t ranks = 1;
  // The number of slots of each rank: CPU cores (threads), or GPUs if the device is kCuda.
  int64_t slots = 1;
  Device device = Device::kCpu;
  // The main memory of each rank; 0: its recipe does not say, and any worker has enough.
  int64_t memory_bytes = 0;
  // The only site where the job may run, because its data is bound to it; empty: anywhere.
  std::string site;
  // Its ranks may run at several sites; otherwise all of them run at one.
  bool across_sites = false;
  // What of it stays at `site`. If that is anything, or it reads what stays there, it runs where
  // that can be read (scheduler/bound_places.h).
  Binding binding = Binding::kNothing;

  bool operator==(const Requirements&) const = default;
};

// Whether such a job may wait although something is free: slots and memory become free bit by bit,
// and what needs more than the least of them would never find it if others took each bit.
inline bool NeedsMuchAtOnce(const Requirements& job) {
  return job.ranks > 1 || job.slots > 1 || job.memory_bytes > 0;
}

}  // namespace braid::task
