// A measured number and how far it can be trusted. All intervals of a report are 95 % ones and come
// from here.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/json.h"

namespace braid::report {

// A value with its uncertainty. `variance` is that of the value itself (the squared standard
// error); `freedom` are the degrees of freedom of its estimate.
struct Estimate {
  double value = 0;
  double variance = -1;  // below 0: not known, as with a single seed
  double freedom = std::numeric_limits<double>::infinity();

  // Whether the variance, and so an interval, is known.
  bool has_interval() const { return variance >= 0; }
  // Half the width of the 95 % interval: Student's t for `freedom` times the standard error;
  // infinite if not known.
  double HalfWidth() const;
  // The ends of the 95 % interval.
  double low() const { return value - HalfWidth(); }
  double high() const { return value + HalfWidth(); }
};

// `share` (0 to 1) of `count` independent trials that came out right. The variance is that of (k +
// 2) of (n + 4) (Agresti and Coull), so that a share of 0 or 1 is not taken for certain. REQUIRES:
// count > 0.
Estimate Proportion(double share, double count);

// Mean of `values`, one a seed. With fewer than two the variance is not known. REQUIRES: not empty.
Estimate OfSeeds(const std::vector<double>& values);
// The same where the seeds' values are not at hand: from their mean, their standard deviation and
// how many they were.
Estimate OfSeeds(double mean, double deviation, int64_t seeds);

// Mean of independent estimates, degrees of freedom after Welch and Satterthwaite. If one has no
// interval, nor has the mean. REQUIRES: not empty.
Estimate MeanOf(const std::vector<Estimate>& parts);
// a - b of independent estimates. On the same test items they are correlated, and the interval is
// too wide: on the safe side.
Estimate Difference(const Estimate& a, const Estimate& b);
// The estimate times a factor.
Estimate Scaled(const Estimate& estimate, double factor);

// "62.55 ± 0.37"; without an interval "62.55".
std::string ToText(const Estimate& estimate, int decimals);
// {"value", "half_width"}; a half width that is not known is null.
Json ToJson(const Estimate& estimate);

// The quantile 0.975 of Student's t, freedom >= 1.
double StudentT(double freedom);

}  // namespace braid::report
