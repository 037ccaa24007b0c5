// The settings at the top level of a recipe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/max_duration.h"
#include "spec/memory.h"

namespace braid::spec {

// The priority of a run is in [-kMaxPriority, kMaxPriority].
inline constexpr int64_t kMaxPriority = 1000;

// The fields at the top level of a recipe that are not sections.
struct RecipeTop {
  // The name of the run.
  std::string run;
  Compat compat = Compat::kFixed;
  // Jobs of runs of higher priority go first.
  int64_t priority = 0;
  // They may have running jobs of lower priority stopped, if the coordinator allows that.
  bool preempt = true;
  // The seed of initial weights, of the order of the text, and of everything else that is drawn at
  // random.
  uint64_t seed = 42;
  // The length of a training sequence, in tokens.
  int64_t sequence = 256;
  MaxDuration max_duration;
  Memory memory;
  // Words by which people find the run (recipe/tags.h).
  std::vector<std::string> tags;

  static const schema::Schema& Fields();
};

// `eval` of a recipe.
struct RecipeEval {
  // T8, of validation and of evaluations.
  LossAverage loss_average = LossAverage::kTokenMean;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
