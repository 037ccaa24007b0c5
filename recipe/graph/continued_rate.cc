#include "recipe/graph/continued_rate.h"

#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "spec/end_rate.h"

namespace braid::recipe {

std::string CautionOfRates(const Recipe& recipe, const Composite& composite) {
  if (composite.joint.lr_schedule != spec::LrSchedule::kContinue) return "";
  std::set<double> rates;
  std::vector<std::string> ends;
  for (const Member& member : composite.members) {
    const Model* path = member.kept ? nullptr : recipe.FindPath(member.path);
    if (path == nullptr || !path->from.empty()) continue;
    const std::optional<double> rate = spec::EndRate(path->train);
    if (!rate) continue;
    rates.insert(*rate);
    ends.push_back(path->name() + " at " + FormatDouble(*rate));
  }
  if (rates.size() < 2) return "";
  return "lr_schedule continue: the parents' trainings end at different rates (" +
         Join(ends, ", ") + "); the joint phase begins at the lowest of them";
}

}  // namespace braid::recipe
