#include "recipe/sweep.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.h"
#include "base/text.h"

namespace braid::recipe {
namespace {

constexpr int64_t kMany = int64_t{1} << 62;
constexpr int kDigits = 5;  // of a number that is drawn, because names show it
// Draws for each combination that is wanted, after which there are no others: only ranges with
// hardly a number in them get there.
constexpr uint64_t kMaxDraws = 200;

int64_t Product(int64_t a, int64_t b) {
  return a > kMany / std::max<int64_t>(b, 1) ? kMany : a * b;
}

bool IsSeeds(const SweepAxis& axis) {
  return axis.name == kSeedsAxis;
}

// The number at `share` (0 to 1) of a range, as text. Rounded to few digits, and never out of it.
std::string NumberAt(const SweepAxis& axis, double share) {
  const spec::SweepRange& range = *axis.range;
  const bool log = range.scale == spec::SweepScale::kLog;
  // A whole number stands for the stretch around it, so that both ends are as likely as the others.
  const double low = axis.whole ? range.min - 0.5 : range.min,
               high = axis.whole ? range.max + 0.5 : range.max;
  const double drawn = log ? low * std::pow(high / low, share) : low + (high - low) * share;
  if (axis.whole) return Format("%.0f", std::clamp(std::round(drawn), range.min, range.max));
  // In a narrow range few digits would make all numbers the same.
  const bool narrow = range.max - range.min <
                      0.1 * std::max(std::abs(range.min), std::abs(range.max));
  const Result<double> rounded = ParseDouble(Format("%.*g", narrow ? 17 : kDigits, drawn));
  return FormatDouble(std::clamp(rounded.ok() ? *rounded : drawn, range.min, range.max));
}

SweptValue ValueAt(const SweepAxis& axis, size_t index) {
  return {axis.name, axis.label, axis.values[index], index};
}

// Every combination of the axes, the last one varying fastest.
std::vector<SweptValues> Grid(const std::vector<SweepAxis>& axes) {
  std::vector<SweptValues> all = {{}};
  for (const SweepAxis& axis : axes) {
    std::vector<SweptValues> longer;
    for (const SweptValues& values : all) {
      for (size_t i = 0; i < axis.values.size(); ++i) {
        longer.push_back(values);
        longer.back().push_back(ValueAt(axis, i));
      }
    }
    all = std::move(longer);
  }
  return all;
}

// `count` combinations, all different. Each axis has a stream of its own, so that values of one do
// not depend on what the others are.
std::vector<SweptValues> Drawn(const Sweep& sweep, const std::vector<SweepAxis>& axes) {
  std::vector<SweptValues> all;
  std::set<std::vector<std::string>> seen;
  const auto count = static_cast<size_t>(sweep.count.value_or(0));
  for (uint64_t n = 0; all.size() < count && n < kMaxDraws * count; ++n) {
    SweptValues values;
    std::vector<std::string> texts;
    for (const SweepAxis& axis : axes) {
      const RandomStream stream(sweep.seed, "sweep/" + axis.name);
      values.push_back(axis.range.has_value()
                           ? SweptValue{axis.name, axis.label, NumberAt(axis, stream.Uniform(n)), 0}
                           : ValueAt(axis, stream.Below(n, axis.values.size())));
      texts.push_back(values.back().text);
    }
    if (seen.insert(texts).second) all.push_back(std::move(values));
  }
  return all;
}

// The sections of models: the part behind them is a model's name.
bool IsListOfModels(const std::string& part) {
  return part == "paths" || part == "composites" || part == "baselines" || part == "corpora";
}

}  // namespace

int64_t CountCombinations(const Sweep& sweep) {
  int64_t count = 1;
  for (const SweepAxis& axis : sweep.axes) {
    if (IsSeeds(axis)) continue;
    if (!axis.range.has_value()) {
      count = Product(count, static_cast<int64_t>(axis.values.size()));
      continue;
    }
    if (!axis.whole) return -1;
    count = Product(count, std::llround(axis.range->max - axis.range->min) + 1);
  }
  return count;
}

int64_t CountVariants(const Sweep& sweep) {
  int64_t seeds = 1;
  for (const SweepAxis& axis : sweep.axes) {
    if (IsSeeds(axis)) seeds = static_cast<int64_t>(axis.values.size());
  }
  return Product(sweep.draws() ? sweep.count.value_or(0) : CountCombinations(sweep), seeds);
}

std::vector<SweptValues> DrawVariants(const Sweep& sweep) {
  if (!sweep.draws()) return Grid(sweep.axes);
  std::vector<SweepAxis> drawn = sweep.axes;
  std::erase_if(drawn, IsSeeds);
  std::vector<SweptValues> all;
  for (const SweptValues& values : Drawn(sweep, drawn)) {
    if (drawn.size() == sweep.axes.size()) {
      all.push_back(values);
      continue;
    }
    const SweepAxis& seeds = sweep.axes.back();
    for (size_t i = 0; i < seeds.values.size(); ++i) {
      all.push_back(values);
      all.back().push_back(ValueAt(seeds, i));
    }
  }
  return all;
}

std::vector<std::string> LabelsOf(const std::vector<std::string>& fields) {
  std::map<std::string, int> last, two;
  const auto last_of = [](const std::string& field) { return Split(field, '.').back(); };
  const auto two_of = [](const std::string& field) {
    const std::vector<std::string> parts = Split(field, '.');
    if (parts.size() == 1) return field;
    const bool in_list = IsListOfModels(parts.front()) && parts.size() > 2;
    return parts[in_list ? 1 : 0] + "_" + parts.back();
  };
  for (const std::string& field : fields) ++last[last_of(field)], ++two[two_of(field)];
  std::vector<std::string> labels;
  for (const std::string& field : fields) {
    labels.push_back(last[last_of(field)] == 1 ? last_of(field)
                     : two[two_of(field)] == 1 ? two_of(field)
                                               : Join(Split(field, '.'), "_"));
  }
  return labels;
}

std::string SuffixOf(const SweptValues& values) {
  std::string suffix;
  for (const SweptValue& value : values) {
    suffix += (suffix.empty() ? "" : "-") + value.label + "_";
    for (const char c : value.text) {
      const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
      if (kept) suffix += c;
      // "[0.9, 0.95]" is "0.9_0.95".
      else if (suffix.back() != '_')
        suffix += '_';
    }
    while (suffix.back() == '_') suffix.pop_back();
  }
  return suffix;
}

}  // namespace braid::recipe
