// Which workers can connect to each other. All ranks of a job do, so they are placed only on
// workers of which every two can. Workers of one host always can (loopback). Others can if each
// advertises an address and has reached the other there, which they try beforehand
// (worker/agent/reach.h), and if they are at one site or the job may leave it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Whether the two are one host, whose processes connect to each other without its network.
bool OnOneHost(const WorkerView& a, const WorkerView& b);

// Whether what `a` sends arrives at `b`, of another host, as `a` has tried; and why it does not,
// for people (empty if it does).
bool Reached(const WorkerView& a, const WorkerView& b);
std::string WhyNotReached(const WorkerView& a, const WorkerView& b);

// Whether ranks of the job on these two workers could connect to each other. Symmetric.
bool CanMeet(const WorkerView& a, const WorkerView& b, const JobView& job);

// Why they could not, for people, with what to do; empty if they can.
std::string WhyApart(const WorkerView& a, const WorkerView& b, const JobView& job);

// A worker that may be chosen, by its index, and how many ranks it has room for.
struct Candidate {
  size_t worker = 0;
  int64_t room = 0;
};

// Candidates of which every two can meet, with room for `ranks` together, or for as many as
// possible if there is no such group. Hosts with much room are taken first, so that few hosts are
// needed. Of many hosts that reach each other only in part, the best group may be missed: the
// search ends after a number of steps, since it could take longer than anybody waits.
std::vector<Candidate> GroupThatMeets(const std::vector<WorkerView>& workers, const JobView& job,
                                      std::vector<Candidate> candidates, int64_t ranks);

// Names up to three pairs among the workers that can hold ranks of the job and cannot meet, with
// the reasons. Empty if all can.
std::string PairsApart(const std::vector<WorkerView>& workers, const JobView& job,
                       const std::vector<Candidate>& candidates);

}  // namespace braid::scheduler
