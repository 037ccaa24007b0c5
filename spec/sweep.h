// `seeds` and `sweep` of recipes: which settings a run varies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// The most variants of a run, seeds included: each is a recipe of its own that is read, expanded
// and compared with the others.
inline constexpr int64_t kMaxVariants = 500;
// The most rungs of a sweep: with two trials of which one goes on, nine leave one of kMaxVariants.
inline constexpr int64_t kMostRungs = 10;

// Which combinations of values are trained: all of them, or some that are drawn; and whether all of
// them to their end or, with kHalving, the best of each rung.
enum class SweepMethod { kGrid, kRandom, kHalving };
// How a range is drawn from: evenly, or its logarithm evenly.
enum class SweepScale { kLinear, kLog };
const schema::Words& WordsOf(SweepMethod);
const schema::Words& WordsOf(SweepScale);

// `sweep` of a recipe without `over`, whose keys are fields of the recipe.
struct RecipeSweep {
  SweepMethod method = SweepMethod::kGrid;
  // The number of combinations that are drawn: of kRandom, and of kHalving where it does not take
  // all of them.
  std::optional<int64_t> count;
  // The seed of the draw.
  uint64_t seed = 42;
  // Of kHalving: the models whose trainings are compared, each with those of its own name alone.
  std::vector<std::string> models;
  // The best one of `eta` trials goes on from each rung.
  int64_t eta = 3;
  // The part of the training's steps after which the first rung is; absent: eta^-(rungs - 1).
  std::optional<double> first;
  // How many parts a training has, of which the last ends where it would end by itself; absent: as
  // many as leave one trial.
  std::optional<int64_t> rungs;

  // Whether combinations are drawn; otherwise all of them are taken.
  bool draws() const { return method == SweepMethod::kRandom || count.has_value(); }

  static const schema::Schema& Fields();
};

// Values of a random sweep between two numbers, both included.
struct SweepRange {
  double min = 0, max = 1;
  SweepScale scale = SweepScale::kLinear;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
