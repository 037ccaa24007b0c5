// Where a job goes: all its ranks at once, or none.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Whether this worker could run a rank of the job if it were connected and empty.
bool Matches(const WorkerView& worker, const JobView& job);

// Workers for all ranks, by what is free now in `workers`, or nothing. Ranks are packed on as few sites as possible (one,
// as a gang does not leave a site), prefer workers that have the inputs in their cache, and spread over workers.
// `reserved` workers are not used.
std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved);

// How many ranks of the job the connected, admitting, matching workers of its best site could hold if `empty` (all slots
// free), or now.
int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, bool empty);

}  // namespace braid::scheduler
