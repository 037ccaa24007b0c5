// What stands at the top of a recipe beside its sections.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"
#include "spec/common.h"

namespace braid::spec {

// Of a run: from minus this to this.
inline constexpr int64_t kMaxPriority = 1000;

struct RecipeTop {
  std::string run;
  Compat compat = Compat::kFixed;
  int64_t priority = 0;  // of the run against others: higher goes first
  uint64_t seed = 42;
  int64_t sequence = 256;

  static const schema::Schema& Fields();
};

// `eval` of a recipe.
struct RecipeEval {
  LossAverage loss_average = LossAverage::kTokenMean;  // T8

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
