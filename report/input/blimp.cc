#include "report/input/blimp.h"

#include <cmath>
#include <vector>

#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {

Result<Blimp> ReadBlimp(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Blimp blimp;
  BRAID_ASSIGN_OR_RETURN(blimp.mean.value, Percent(read.Value("mean"), path + ".mean"));
  blimp.pairs = read.Int("pairs", 0);
  const Json& paradigms = read.Value("paradigms");
  const double deviation = read.Double("deviation", 0);
  const Json& seeds = read.Value("seeds");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (paradigms.is_null()) return blimp;
  BRAID_RETURN_IF_ERROR(CheckObject(paradigms, path + ".paradigms"));
  for (const auto& [name, value] : paradigms.items()) {
    BRAID_ASSIGN_OR_RETURN(blimp.paradigms[name], Percent(value, path + ".paradigms." + name));
  }
  if (blimp.pairs <= 0 || blimp.paradigms.empty()) return blimp;
  std::vector<Estimate> parts;
  const double pairs = static_cast<double>(blimp.pairs) /
                       static_cast<double>(blimp.paradigms.size());
  for (const auto& [name, accuracy] : blimp.paradigms)
    parts.push_back(Proportion(accuracy / 100, pairs));
  // The file's own mean is checked, then replaced by the same mean with an interval.
  const double mean = blimp.mean.value;
  blimp.mean = Scaled(MeanOf(parts), 100);
  if (std::abs(blimp.mean.value - mean) > 0.01) {
    return InvalidArgument(Format("%s.mean: is %.4f, but the paradigms have a mean of %.4f",
                                  path.c_str(), mean, blimp.mean.value));
  }
  // Noise of the router comes on top of the pairs drawn: variances of independent causes add up.
  if (seeds.is_array() && seeds.size() > 1)
    blimp.mean.variance += deviation * deviation / static_cast<double>(seeds.size());
  return blimp;
}

}  // namespace braid::report
