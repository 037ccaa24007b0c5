// The choice of workers for a job: for all of its ranks at once, or none. The ranks of a CPU gang
// connect to each other on 127.0.0.1 (Gloo), so they run on one host. The ranks of a GPU gang
// (NCCL) run on one host if possible, otherwise within one site.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// True iff this worker could run a rank of the job if it were connected and had nothing else to do.
bool Matches(const WorkerView& worker, const JobView& job);

// True iff all ranks of the job have to run on workers of one host.
bool NeedsOneHost(const JobView& job);

// Chooses a worker for each rank among the slots that are free in `workers`; nullopt if not all
// ranks fit. Workers in `reserved` are not used. Prefers workers other than the one of the last
// failure, then few ranks of the gang on one worker, then workers that have the inputs in their
// cache.
std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved);

// The workers whose slots should be kept for a job that does not fit now, one for each rank. Among
// the hosts and sites that could hold the job if they were empty, this is the one where most ranks
// fit already; within it, workers with free slots come first. Empty if no place could hold the job.
std::vector<size_t> PlaceToWaitFor(const std::vector<WorkerView>& workers, const JobView& job);

// Which slots RanksThatFit counts.
//
//   kNow    those that are free now
//   kEmpty  all slots of the workers that can be used now
//   kEver   all slots of every registered worker that is not excluded
enum class Room { kNow, kEmpty, kEver };

// How many ranks of the job fit on the workers of the place (host or site) that holds most.
int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, Room room);

}  // namespace braid::scheduler
