#include "report/claims/composites.h"

#include "base/text.h"
#include "report/results/baseline.h"

namespace braid::report {

std::vector<CompositeAndDense> AgainstDense(const Results& results,
                                            std::initializer_list<Role> roles) {
  std::vector<CompositeAndDense> pairs;
  for (const Role role : roles) {
    for (const ModelResult* composite : results.WithRole(role)) {
      if (const ModelResult* dense = BestBaselineOf(results, *composite); dense != nullptr)
        pairs.push_back({*composite, *dense});
    }
  }
  return pairs;
}

std::string ScoreDifferenceText(const Estimate& difference) {
  const std::string text = Format("difference %+.2f", difference.value);
  return difference.has_interval()
             ? text + Format(" ± %.2f", difference.HalfWidth())
             : text + ", with no interval: evaluate GLUE with two or more seeds";
}

// Numbers that are not known come first: without them nothing can be said of equal tokens.
std::string TokensText(const ModelResult& a, const ModelResult& b) {
  if (a.tokens <= 0 || b.tokens <= 0)
    return "; the tokens of " + (a.tokens <= 0 ? a : b).name + " are not known";
  if (SameTokens(a, b)) return "";
  return Format("; not on the same tokens: %s against %s",
                FormatCount(static_cast<double>(a.tokens)).c_str(),
                FormatCount(static_cast<double>(b.tokens)).c_str());
}

}  // namespace braid::report
