// `seeds` and `sweep` of recipes: which settings a run varies.
#pragma once

#include <cstdint>
#include <optional>

#include "schema/schema.h"

namespace braid::spec {

// The most variants of a run, seeds included: each is a recipe of its own that is read, expanded
// and compared with the others.
inline constexpr int64_t kMaxVariants = 500;

// Which combinations of values are trained: all of them, or some that are drawn.
enum class SweepMethod { kGrid, kRandom };
// How a range is drawn from: evenly, or its logarithm evenly.
enum class SweepScale { kLinear, kLog };
const schema::Words& WordsOf(SweepMethod);
const schema::Words& WordsOf(SweepScale);

// `sweep` of a recipe without `over`, whose keys are fields of the recipe.
struct RecipeSweep {
  SweepMethod method = SweepMethod::kGrid;
  // Of kRandom: the number of combinations that are drawn.
  std::optional<int64_t> count;
  // Of kRandom: the seed of the draw.
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

// Values of a random sweep between two numbers, both included.
struct SweepRange {
  double min = 0, max = 1;
  SweepScale scale = SweepScale::kLinear;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
