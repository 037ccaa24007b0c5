#include "trainer/eval/metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/status.h"
#include "trainer/eval/metrics/spread.h"

namespace braid::trainer {
namespace {

// Ranks from 1; equal values get the mean of the ranks that they take together.
std::vector<double> Ranks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t behind = first + 1;
    while (behind < order.size() && values[order[behind]] == values[order[first]]) ++behind;
    for (size_t i = first; i < behind; ++i)
      ranks[order[i]] = static_cast<double>(first + behind - 1) / 2 + 1;
    first = behind;
  }
  return ranks;
}

}  // namespace

double PearsonCorrelation(std::span<const double> x, std::span<const double> y) {
  BRAID_CHECK(x.size() == y.size());
  const double mean_x = Mean(x), mean_y = Mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // Two roots, because the product of the two sums may overflow.
  const double root = std::sqrt(xx) * std::sqrt(yy);
  return root == 0 ? 0.0 : xy / root;
}

double SpearmanCorrelation(std::span<const double> x, std::span<const double> y) {
  return PearsonCorrelation(Ranks(x), Ranks(y));
}

}  // namespace braid::trainer
