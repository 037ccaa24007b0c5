// Which trials go on from a rung (task/rung.h). Nothing is stored but how jobs ended, so that a
// coordinator that was restarted decides the same.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/state.h"
#include "scheduler/halving.h"

namespace braid::coordinator {

// Whether a trial goes on to the next rung; if not, why, for people.
struct RungDecision {
  bool goes_on = true;
  std::string why;
};

// The trainings of one run by their rungs, as the jobs are now. Not kept: the next update may
// change them.
class Rungs {
 public:
  // All jobs of the run, which outlive this.
  explicit Rungs(const std::vector<const JobRecord*>& jobs);

  // Of a job whose own inputs are there. Absent: not all trainings of the rung before have ended.
  // A job that is compared with no other goes on, as does one at the first rung.
  std::optional<RungDecision> Of(const JobRecord& job);

  // The names of the trainings of the rung before that have not ended.
  std::vector<std::string> UnendedBefore(const JobRecord& job) const;

  // The models of which no trial came to the end of all its trainings, without those that were not
  // tried because what they need was left behind. REQUIRES: all jobs have ended.
  std::vector<std::string> ModelsWithoutTrial() const;

 private:
  // Model and number.
  using Rung = std::pair<std::string, int64_t>;
  // The trials of a rung, the best first; absent while one of its trainings has not ended.
  const std::optional<std::vector<scheduler::TrialScore>>& RankedAt(const Rung& rung);

  std::map<Rung, std::vector<const JobRecord*>> jobs_;
  std::map<Rung, std::optional<std::vector<scheduler::TrialScore>>> ranked_;
};

// Why a job that needs the results of `job` is not run. REQUIRES: job.left_behind.
std::string WhyNotRun(const JobRecord& job);

}  // namespace braid::coordinator
