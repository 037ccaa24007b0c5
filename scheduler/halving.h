// Which trials of a sweep by successive halving go on from a rung (Jamieson & Talwalkar, 2016).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace braid::scheduler {

// A trial at a rung.
struct TrialScore {
  // Its number in the order of the recipe; no two trials have the same.
  int64_t trial = 0;
  // Its held-out loss, the mean over its trainings. Absent: one of them failed or diverged, which
  // counts as the worst.
  std::optional<double> loss;
};

// The trials, the best first. Of equal losses the one that comes first in the recipe is better.
std::vector<TrialScore> Ranked(std::vector<TrialScore> trials);

// How many of them go on: `keep`, but none that has no loss.
int64_t CountGoingOn(const std::vector<TrialScore>& trials, int64_t keep);

}  // namespace braid::scheduler
