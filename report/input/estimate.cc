#include "report/input/estimate.h"

#include <cmath>

#include "base/text.h"

namespace braid::report {

double StudentT(double freedom) {
  // One to thirty degrees, from the tables; between them by 1 / freedom, in which the quantile is
  // nearly straight.
  constexpr double kTable[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
                               2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
                               2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
                               2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  // The quantile 0.975 of the normal distribution.
  constexpr double kNormal = 1.959964;
  if (!std::isfinite(freedom)) return kNormal;
  if (freedom <= 1) return kTable[0];
  if (freedom >= 30) return kNormal + (kTable[29] - kNormal) * 30 / freedom;
  const auto below = static_cast<size_t>(freedom);
  const double low = static_cast<double>(below),
               share = (1 / freedom - 1 / low) / (1 / (low + 1) - 1 / low);
  return kTable[below - 1] + share * (kTable[below] - kTable[below - 1]);
}

double Estimate::HalfWidth() const {
  return has_interval() ? StudentT(freedom) * std::sqrt(variance)
                        : std::numeric_limits<double>::infinity();
}

Estimate Proportion(double share, double count) {
  const double shrunk = (share * count + 2) / (count + 4);
  return {share, shrunk * (1 - shrunk) / (count + 4)};
}

Estimate OfSeeds(double mean, double deviation, int64_t seeds) {
  if (seeds < 2 || !(deviation >= 0)) return {mean};
  return {mean, deviation * deviation / static_cast<double>(seeds), static_cast<double>(seeds - 1)};
}

Estimate OfSeeds(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = values.size() < 2
                               ? -1
                               : std::sqrt(squares / static_cast<double>(values.size() - 1));
  return OfSeeds(mean, deviation, static_cast<int64_t>(values.size()));
}

namespace {

// Sum of independent estimates, each times its factor.
Estimate Combined(const std::vector<Estimate>& parts, const std::vector<double>& factors) {
  Estimate sum{0, 0};
  double spread = 0;  // sum of variance squared over freedom
  bool known = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    sum.value += factors[i] * parts[i].value;
    if (!parts[i].has_interval()) known = false;
    const double variance = factors[i] * factors[i] * parts[i].variance;
    sum.variance += variance;
    spread += variance * variance / parts[i].freedom;
  }
  if (!known) return {sum.value};
  if (spread > 0) sum.freedom = sum.variance * sum.variance / spread;
  return sum;
}

}  // namespace

Estimate MeanOf(const std::vector<Estimate>& parts) {
  return Combined(parts, std::vector<double>(parts.size(), 1 / static_cast<double>(parts.size())));
}

Estimate Difference(const Estimate& a, const Estimate& b) {
  return Combined({a, b}, {1, -1});
}

Estimate Scaled(const Estimate& estimate, double factor) {
  return Combined({estimate}, {factor});
}

std::string ToText(const Estimate& estimate, int decimals) {
  const std::string value = Format("%.*f", decimals, estimate.value);
  return estimate.has_interval() ? value + Format(" ± %.*f", decimals, estimate.HalfWidth())
                                 : value;
}

Json ToJson(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"half_width", estimate.has_interval() ? Json(estimate.HalfWidth()) : Json()}};
}

}  // namespace braid::report
