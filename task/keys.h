// The names of jobs, of their attempts and of the ranks of an attempt, as all processes use them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace braid::task {

// Names a job: the id of its run and its name within the run.
struct JobKey {
  std::string run;
  std::string job;
  auto operator<=>(const JobKey&) const = default;
  // "run/job"
  std::string ToString() const { return run + "/" + job; }
};

// Names an attempt: a job and a lease epoch, which the coordinator raises by one for each attempt.
// Every report of a worker carries the key, and the coordinator refuses reports of an epoch before
// the job's current one (a fencing token).
struct AttemptKey {
  std::string run;
  std::string job;
  int64_t epoch = 0;
  auto operator<=>(const AttemptKey&) const = default;
  // The job of which this is an attempt.
  JobKey Job() const { return {run, job}; }
  // "run/job#epoch"
  std::string ToString() const { return run + "/" + job + "#" + std::to_string(epoch); }
};

// Names one process of an attempt. Write RankKey{attempt, 0} or RankKey{"run", "job", 1, 0}.
struct RankKey : AttemptKey {
  int64_t rank = 0;
  auto operator<=>(const RankKey&) const = default;
  // The attempt to which the rank belongs.
  const AttemptKey& attempt() const { return *this; }
  // "run/job#epoch.rank"
  std::string ToString() const { return AttemptKey::ToString() + "." + std::to_string(rank); }
};

}  // namespace braid::task
