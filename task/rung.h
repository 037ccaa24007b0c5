// The place of a training in a sweep by successive halving (docs/recipe.md).
#pragma once

#include <cstdint>
#include <string>

namespace braid::task {

// A trial is one setting of a sweep. Its training is done in parts, each of which is a job, and
// ends at a rung; behind a rung the best trials go on. With several seeds a trial has as many jobs
// at each rung.
struct Rung {
  // What the trials are trainings of, which tells them from those of other models of the run.
  // Empty: the job is compared with no other.
  std::string model;
  // Where the job ends: 1 is the first rung.
  int64_t number = 0;
  // The trial, in the order of the recipe, from 0.
  int64_t trial = 0;
  // How many trials go on to this rung; at the first one no trial is stopped, and it is 0.
  int64_t keep = 0;

  bool operator==(const Rung&) const = default;
};

}  // namespace braid::task
