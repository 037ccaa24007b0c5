#include "recipe/halving.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace braid::recipe {

Result<std::vector<PlannedRung>> PlanRungs(const spec::RecipeSweep& sweep, int64_t trials) {
  std::vector<PlannedRung> rungs = {{1, trials}};
  while (rungs.back().trials > 1)
    rungs.push_back({1, std::max<int64_t>(1, rungs.back().trials / sweep.eta)});
  const auto most = static_cast<int64_t>(rungs.size());
  const int64_t count = sweep.rungs.value_or(most);
  if (count > most) {
    return InvalidArgument(
        Format("sweep.rungs: is %lld, and of %lld settings one is left at rung "
               "%lld already (eta %lld); lower it, or leave it out",
               (long long)count, (long long)trials, (long long)most, (long long)sweep.eta));
  }
  rungs.resize(static_cast<size_t>(count));
  const auto steps = static_cast<double>(count - 1);  // from the first rung to the last
  const double first = sweep.first.value_or(std::pow(static_cast<double>(sweep.eta), -steps));
  for (int64_t i = 0; i + 1 < count; ++i) {
    rungs[static_cast<size_t>(i)].share = std::pow(first, (steps - static_cast<double>(i)) / steps);
  }
  return rungs;
}

}  // namespace braid::recipe
