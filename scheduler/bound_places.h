// Where a job with a binding (task/binding.h) may run: on the workers of its site that have what is
// bound among its inputs, or can read it from a worker of the site that has it. What it makes stays
// where it runs, so that a job that makes something bound runs only where it and all workers that
// keep something of its run can read from each other: later jobs need all of that in one place.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Whether all files of the artifact are on the worker, because it keeps them or in its cache.
bool HasArtifact(const WorkerView& worker, const std::string& artifact);

// Why `reader` could not read what the other worker of its site has, for people, with what to do;
// empty if it could.
std::string WhyNotRead(const WorkerView& reader, const WorkerView& giver);

// Finds the places of jobs. Many of a run read the same, and are looked for once.
class PlaceFinder {
 public:
  // `workers` outlive it, and change in nothing but the slots and the memory that are taken.
  explicit PlaceFinder(const std::vector<WorkerView>& workers) : workers_(workers) {}
  // Sets the places of a job that has a binding; does nothing to others.
  void Find(JobView* job);

 private:
  // What decides: the site, whether the job makes something bound, what it reads, and the keepers.
  using Demands = std::tuple<std::string, bool, std::vector<std::string>, Keepers>;
  const std::vector<WorkerView>& workers_;
  std::map<Demands, std::shared_ptr<const std::set<std::string>>> known_;
};

// The worker without which the job cannot run, as nobody else has what it needs of its site, and
// what is wrong with that worker; empty if a connected worker of the site has each artifact.
std::string WhatIsMissing(const std::vector<WorkerView>& workers, const JobView& job);

// Why the job does not run on other connected workers of its site that could otherwise run it, for
// at most three of them; empty if there are none.
std::string WhyNotElsewhere(const std::vector<WorkerView>& workers, const JobView& job);

}  // namespace braid::scheduler
