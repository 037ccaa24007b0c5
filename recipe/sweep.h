// The variants of a recipe with `seeds` or `sweep`: which values each of them takes. Pure
// functions; recipe/parse/ sets the values in the recipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/sweep.h"

namespace braid::recipe {

// The axis that `seeds` is.
inline constexpr char kSeedsAxis[] = "seeds";

// One thing that varies.
struct SweepAxis {
  // The field, "train.optimizer.lr"; a name of the recipe's for several fields that vary together,
  // "budget"; or kSeedsAxis.
  std::string name;
  // What stands for it in the names of variants: "lr"; no two axes have the same.
  std::string label;
  // The values as the recipe writes them; of fields that vary together, the names of the settings.
  // Empty for a range.
  std::vector<std::string> values;
  // Of sweeps that draw alone.
  std::optional<spec::SweepRange> range;
  // The numbers of the range are whole.
  bool whole = false;
};

// `sweep` and `seeds` of a recipe.
struct Sweep : spec::RecipeSweep {
  // In the order of the recipe; kSeedsAxis last.
  std::vector<SweepAxis> axes;

  bool empty() const { return axes.empty(); }
};

// What a variant has for an axis.
struct SweptValue {
  std::string axis;
  std::string label;
  // As the recipe writes it, or the drawn number.
  std::string text;
  // The place in SweepAxis::values; 0 of a range.
  size_t index = 0;
};
using SweptValues = std::vector<SweptValue>;

// The number of variants, at most 2^62: combinations or those that are drawn, times the seeds.
int64_t CountVariants(const Sweep& sweep);
// The number of combinations of values without the seeds, at most 2^62; -1 with a range, which has
// any number of them.
int64_t CountCombinations(const Sweep& sweep);

// The values of each variant, in the order of the axes; fewer than CountVariants if the ranges have
// fewer different numbers. The last axis varies fastest, so that the
// seeds of one setting are neighbours. REQUIRES: CountVariants is at most spec::kMaxVariants, and
// of a sweep that draws `count` is at most CountCombinations.
std::vector<SweptValues> DrawVariants(const Sweep& sweep);

// Short names of fields for the names of variants: the last part of each, "lr"; where two would be
// the same, with the first part before it, "train_lr" and "joint_lr"; if they still are, all parts.
// Parts that name a model stand for its section: "baselines.dense.d" is "dense_d".
std::vector<std::string> LabelsOf(const std::vector<std::string>& fields);

// "lr_3e-3-seed_1": the values as a part of a name. Characters that names do not have become "_".
std::string SuffixOf(const SweptValues& values);

}  // namespace braid::recipe
