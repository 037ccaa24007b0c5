// The choice of workers for a job: for all of its ranks at once, or none. The ranks of a gang
// connect to each other, so they run on one host if possible, otherwise on hosts that can reach
// each other (scheduler/reach.h).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/reach.h"
#include "scheduler/snapshot.h"

namespace braid::scheduler {

// True iff this worker could run a rank of the job if it were connected and had nothing else to do.
// REQUIRES: the places of a job with a binding were found (bound_places.h).
bool Matches(const WorkerView& worker, const JobView& job);
// The same, whether it has or can read what is bound among the inputs of the job or not.
bool MatchesApartFromBound(const WorkerView& worker, const JobView& job);

// How many ranks of the job there is room for in the slots and the memory that are free on the
// worker, whoever may use them; and if it ran nothing.
int64_t RoomNow(const WorkerView& worker, const JobView& job);
int64_t RoomOfEmpty(const WorkerView& worker, const JobView& job);

// Gives the worker's slots and memory to a rank of the job (`times` 1), or takes them back (-1).
void Hold(WorkerView* worker, const JobView& job, int64_t times);

// Workers with equal keys are one place for the ranks of a gang: they are on one host, which is of
// one site and has the same `host`.
std::string PlaceKey(const WorkerView& worker);

// Chooses a worker for each rank among the slots that are free in `workers`; nullopt if not all
// ranks fit. Workers in `reserved` are not used. Prefers workers other than the one of the last
// failure, then few ranks of the gang on one worker, then workers that have the inputs in their
// cache.
std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved);

// The workers whose slots should be kept for a job that does not fit now, one for each rank. Among
// the hosts that could hold the job if they were empty, this is the one where most ranks fit
// already; within it, workers with free slots come first. If there is none, it is a group of hosts
// that reach each other. Empty if no place could hold the job.
std::vector<size_t> PlaceToWaitFor(const std::vector<WorkerView>& workers, const JobView& job);

// Which slots and memory RanksThatFit counts.
//
//   kNow    what is free now
//   kEmpty  all slots of the workers that can be used now
//   kEver   all slots of every registered worker that is not excluded
enum class Room { kNow, kEmpty, kEver };

// The workers that count, with the number of ranks that each has room for (reach.h).
std::vector<Candidate> CandidatesFor(const std::vector<WorkerView>& workers, const JobView& job,
                                     Room room);

// A bound on how many jobs like this one can be granted slots now, whatever else is granted: their
// ranks in all free slots, whether the workers can meet or not.
int64_t MostGrants(const std::vector<WorkerView>& workers, const JobView& job);

// How many ranks of the job fit on workers that can meet, at most. Of one rank: on one worker.
int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, Room room);

}  // namespace braid::scheduler
