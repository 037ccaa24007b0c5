#include "scheduler/halving.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace braid::scheduler {
namespace {

double LossOrWorst(const TrialScore& score) {
  return score.loss.value_or(std::numeric_limits<double>::infinity());
}

}  // namespace

std::vector<TrialScore> Ranked(std::vector<TrialScore> trials) {
  std::sort(trials.begin(), trials.end(), [](const TrialScore& a, const TrialScore& b) {
    return std::tuple(LossOrWorst(a), a.trial) < std::tuple(LossOrWorst(b), b.trial);
  });
  return trials;
}

int64_t CountGoingOn(const std::vector<TrialScore>& trials, int64_t keep) {
  const auto measured = std::count_if(
      trials.begin(), trials.end(), [](const TrialScore& score) { return score.loss.has_value(); });
  return std::min<int64_t>(keep, measured);
}

}  // namespace braid::scheduler
