// What names a job, an attempt of it and a rank of that, in every process.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace braid::task {

struct JobKey {
  std::string run;
  std::string job;
  auto operator<=>(const JobKey&) const = default;
  // "run/job"
  std::string ToString() const { return run + "/" + job; }
};

// (job, lease epoch) names the attempt. Every report of a worker carries it: the coordinator
// refuses what comes from an earlier epoch than the job's.
struct AttemptKey {
  std::string run;
  std::string job;
  int64_t epoch = 0;
  auto operator<=>(const AttemptKey&) const = default;
  JobKey Job() const { return {run, job}; }
  // "run/job#epoch"
  std::string ToString() const { return run + "/" + job + "#" + std::to_string(epoch); }
};

// One process of an attempt: RankKey{attempt, 0} or RankKey{"run", "job", 1, 0}.
struct RankKey : AttemptKey {
  int64_t rank = 0;
  auto operator<=>(const RankKey&) const = default;
  const AttemptKey& attempt() const { return *this; }
  // "run/job#epoch.rank"
  std::string ToString() const { return AttemptKey::ToString() + "." + std::to_string(rank); }
};

}  // namespace braid::task
