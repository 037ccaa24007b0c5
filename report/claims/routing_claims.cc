// Which paths composites use, and what goes with it (Tables 6 and 7 of PaPaformer,
// docs/papers/papaformer.md#s8.4).
#include <algorithm>

#include "base/text.h"
#include "report/claims/claim.h"
#include "report/claims/composites.h"
#include "report/input/mean_score.h"
#include "report/input/routing.h"

namespace braid::report {
namespace {

// How often a decision would be right if it did not depend on the prompt: the shares against how
// often each path is the right one.
double ChanceOf(const Routing& routing) {
  std::vector<double> right(routing.summary->shares.size(), 0);
  double prompts = 0;
  for (const RoutedPrompt& prompt : routing.prompts) {
    if (prompt.correct < 1 || static_cast<size_t>(prompt.correct) > right.size()) continue;
    right[static_cast<size_t>(prompt.correct - 1)] += 1;
    prompts += 1;
  }
  double chance = 0;
  for (size_t i = 0; i < right.size(); ++i)
    chance += prompts > 0 ? routing.summary->shares[i] * right[i] / prompts : 0;
  return chance;
}

ClaimTest TestDomain(const ModelResult& composite, const Routing& routing) {
  ClaimTest test{composite.name};
  if (!routing.summary.has_value() || !routing.summary->correct.has_value() ||
      routing.summary->judged <= 0) {
    test.reason = "no prompt names the path of its domain (evaluate: routing: prompts: correct)";
  } else {
    // Not 1/N: a router that always chooses one path is right wherever that one is.
    const double chance = ChanceOf(routing);
    const Estimate correct = Scaled(
        Proportion(*routing.summary->correct / 100, static_cast<double>(routing.summary->judged)),
        100);
    test.verdict = IsAbove(Difference(correct, {chance, 0}));
    test.reason = Format(
        "%s %% of %lld decisions are right; %.1f %% would be if the choice did not depend on the "
        "prompt",
        ToText(correct, 1).c_str(), (long long)routing.summary->judged, chance);
  }
  return test;
}

std::vector<ClaimTest> TestDomains(const Results& results) {
  std::vector<ClaimTest> tests;
  for (const Role role : {Role::kComposite, Role::kCompositeScratch}) {
    for (const ModelResult* composite : results.WithRole(role)) {
      if (const Routing* routing = composite->Find<Routing>(); routing != nullptr)
        tests.push_back(TestDomain(*composite, *routing));
    }
  }
  return tests;
}

struct PathUse {
  const ModelResult* model;
  double dominance;  // per cent of the decisions that take the path taken most
};

// Of all models that have two paths or more, from the most even use to the most one-sided.
std::vector<PathUse> PathUsesOf(const Results& results) {
  std::vector<PathUse> uses;
  for (const ModelResult& model : results.models) {
    const Routing* routing = model.Find<Routing>();
    if (model.role == Role::kCompositeStart || routing == nullptr || !routing->summary.has_value())
      continue;
    const auto& shares = routing->summary->shares;
    const size_t paths = std::min(results.PathsOf(model).size(), shares.size());
    if (paths >= 2)
      uses.push_back(
          {&model,
           *std::max_element(shares.begin(), shares.begin() + static_cast<std::ptrdiff_t>(paths))});
  }
  std::sort(uses.begin(), uses.end(),
            [](const PathUse& a, const PathUse& b) { return a.dominance < b.dominance; });
  return uses;
}

// Pairs of models in which the more one-sided one scores higher, less those in which it scores
// lower.
int Agreement(const std::vector<PathUse>& uses) {
  int agreement = 0;
  for (size_t i = 0; i < uses.size(); ++i) {
    for (size_t j = i + 1; j < uses.size(); ++j) {
      const double score = MeanScore(uses[j].model->evaluation)->value -
                           MeanScore(uses[i].model->evaluation)->value;
      if (uses[j].dominance > uses[i].dominance) agreement += score > 0 ? 1 : score < 0 ? -1 : 0;
    }
  }
  return agreement;
}

std::vector<ClaimTest> TestEvenUse(const Results& results) {
  std::vector<PathUse> uses = PathUsesOf(results);
  if (uses.empty()) return {};
  ClaimTest test{"all composites"};
  std::erase_if(uses,
                [](const PathUse& use) { return !MeanScore(use.model->evaluation).has_value(); });
  // In percentage points. Smaller differences are not distinguished from chance.
  constexpr double kSameUse = 5;
  if (uses.size() < 3) {
    test.reason = Format(
        "needs three composites with routing, BLiMP, GLUE and SuperGLUE; the run has %zu",
        uses.size());
  } else if (uses.back().dominance - uses.front().dominance < kSameUse) {
    test.reason = Format(
        "all composites use their paths alike: the largest share of a path is %.1f to %.1f %%",
        uses.front().dominance, uses.back().dominance);
  } else {
    const Estimate difference = Difference(*MeanScore(uses.back().model->evaluation),
                                           *MeanScore(uses.front().model->evaluation));
    // The two at the ends may differ by chance of one model: most of the pairs must say the same.
    const int agreement = Agreement(uses);
    test.verdict = IsAbove(difference);
    if ((test.verdict == Verdict::kHolds) != (agreement > 0)) test.verdict = Verdict::kUndecided;
    test.reason = Format(
        "%s (largest share %.1f %%) against %s (%.1f %%): %s; %zu models, so no more than a "
        "direction",
        uses.back().model->name.c_str(), uses.back().dominance, uses.front().model->name.c_str(),
        uses.front().dominance, ScoreDifferenceText(difference).c_str(), uses.size());
  }
  return {test};
}

}  // namespace

Claim DomainClaim() {
  return {"The path that is used follows the domain of the text.", kPapaformer,
          "40, 46.5 and 50 % of the decisions take the path of the prompt's domain: near chance",
          TestDomains};
}

Claim EvenUseClaim() {
  return {"Even use of the paths goes with lower scores, a dominant path with higher ones.",
          kPapaformer, "largest share of a path 50, 70, 70 %: mean score 58.25, 58.90, 59.40",
          TestEvenUse};
}

}  // namespace braid::report
