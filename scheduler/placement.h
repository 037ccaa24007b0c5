// Where a job goes: all its ranks at once, or none. Ranks of a CPU gang meet on 127.0.0.1 (Gloo):
// they run on one host. Ranks of a GPU gang (NCCL) run on one host if they can, and else within one
// site.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Whether this worker could run a rank of the job if it were connected and empty.
bool Matches(const WorkerView& worker, const JobView& job);

// Whether all ranks of the job have to run on workers of one host.
bool NeedsOneHost(const JobView& job);

// Workers for all ranks, by what is free now in `workers`, or nothing. They prefer workers that
// have the inputs in their cache, and spread over workers. `reserved` workers are not used.
std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved);

// The workers that a job waits for that does not fit now: of the hosts and sites that could hold it
// were they empty, the one where most of its ranks fit already, and there those with free slots
// first. Empty if there is none.
std::vector<size_t> PlaceToWaitFor(const std::vector<WorkerView>& workers, const JobView& job);

// What counts for RanksThatFit: slots that are free now, all slots of workers that can be used now,
// or all slots of every worker that is registered and not excluded.
enum class Room { kNow, kEmpty, kEver };

// How many ranks of the job the workers of its best place (a host or a site) could hold.
int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, Room room);

}  // namespace braid::scheduler
