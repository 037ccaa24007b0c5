// What happens to the loss when the paths or the steps of dual-path blocks are forced
// (docs/papers/dual_path.md#s7).
#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "report/claims/claim.h"
#include "report/input/dual.h"
#include "report/results/arms.h"

namespace braid::report {
namespace {

using spec::GateRule;
using spec::GateShuffle;

using Selection = std::function<bool(const Intervention&)>;

// The smallest change of the loss, in nats, over all corpora of some interventions: what bears out
// a claim that all of them raise it. `named` says which one it is.
struct SmallestChange {
  bool any = false;
  double change = 0;
  std::string named;
};

SmallestChange SmallestChangeOf(const Dual& dual, const Selection& selected) {
  SmallestChange smallest;
  for (const Intervention& one : dual.interventions) {
    if (!one.token_class.empty() || one.partial || one.keep_sum || !selected(one)) continue;
    for (const auto& [corpus, change] : one.change) {
      // The weakest effect decides: a claim says that all of them raise the loss.
      if (smallest.any && change >= smallest.change) continue;
      smallest = {true, change,
                  Format("%s on %s changes the loss by %+.3f", one.name.c_str(),
                         CorpusTitle(corpus).c_str(), change)};
    }
  }
  return smallest;
}

// Forced steps alone: an intervention that also sets gates is no evidence about steps.
bool AsLearned(const Intervention& one) {
  return !one.gate_values && one.gates.value_or(GateRule::kLearned) == GateRule::kLearned;
}

// Whether the loss rises for sure.
Verdict Hurts(const SmallestChange& smallest) {
  if (!smallest.any) return Verdict::kUndecided;
  if (smallest.change > kSameLoss) return Verdict::kHolds;
  return smallest.change < -kSameLoss ? Verdict::kDoesNotHold : Verdict::kUndecided;
}

ClaimTest TestBothPaths(const ModelResult& model) {
  ClaimTest test{model.name};
  const SmallestChange deep = SmallestChangeOf(*model.Find<Dual>(), [](const Intervention& i) {
    return i.gates == GateRule::kDeep && i.loops == 0;
  });
  const SmallestChange wide = SmallestChangeOf(*model.Find<Dual>(), [](const Intervention& i) {
    return i.gates == GateRule::kWide && i.loops == 0;
  });
  if (!deep.any || !wide.any) {
    test.reason =
        "needs the interventions gates: deep and gates: wide (evaluate: dual: interventions)";
  } else {
    // Both paths matter only if the loss rises without either of them: the smaller rise decides.
    const SmallestChange& least = deep.change < wide.change ? deep : wide;
    test.verdict = Hurts(least);
    test.reason = "at the least, " + least.named;
  }
  return test;
}

ClaimTest TestMoreSteps(const ModelResult& model) {
  const int64_t trained = TrainedLoops(model);
  ClaimTest test{model.name};
  const SmallestChange more = SmallestChangeOf(*model.Find<Dual>(), [&](const Intervention& i) {
    return AsLearned(i) && i.loops > trained;
  });
  if (trained == 0 || !more.any) {
    test.reason =
        trained == 0
            ? "the steps K that it was trained with are not known"
            : Format("needs an intervention with loops above %lld (evaluate: dual: interventions)",
                     (long long)trained);
  } else {
    test.verdict = Hurts(more);
    test.reason = Format("trained with K = %lld; at best, ", (long long)trained) + more.named;
  }
  return test;
}

// REQUIRES: the model was trained with two steps or more.
ClaimTest TestFewerSteps(const ModelResult& model) {
  const int64_t trained = TrainedLoops(model);
  ClaimTest test{model.name};
  const SmallestChange fewer = SmallestChangeOf(*model.Find<Dual>(), [&](const Intervention& i) {
    return AsLearned(i) && i.loops > 0 && i.loops < trained;
  });
  test.verdict = Hurts(fewer);
  test.reason =
      fewer.any
          ? "at the least, " + fewer.named
          : Format("needs an intervention with loops below %lld (evaluate: dual: interventions)",
                   (long long)trained);
  return test;
}

ClaimTest TestShuffledGates(const ModelResult& model) {
  ClaimTest test{model.name};
  // The published one permutes each gate alone; a joint permutation says the same where it is all
  // there is.
  const auto shuffled_as = [&](GateShuffle how) {
    return SmallestChangeOf(*model.Find<Dual>(), [&](const Intervention& i) {
      return i.gates == GateRule::kShuffled && i.shuffle == how;
    });
  };
  SmallestChange shuffled = shuffled_as(GateShuffle::kIndependent);
  if (!shuffled.any) shuffled = shuffled_as(GateShuffle::kJoint);
  test.verdict = Hurts(shuffled);
  test.reason = shuffled.any
                    ? "at the least, " + shuffled.named
                    : "needs the intervention gates: shuffled (evaluate: dual: interventions)";
  return test;
}

// How much more forcing some classes costs than forcing as many other tokens, at the least over
// corpora. Only twins compare: of the same classes, gates and rule for the residual's scale.
SmallestChange ExcessOverControl(const Dual& dual, const Selection& selected) {
  SmallestChange excess;
  const auto counts = [&](const Intervention& one) {
    return selected(one) && !one.partial && one.loops == 0 && !one.token_class.empty();
  };
  for (const Intervention& one : dual.interventions) {
    if (one.control || !counts(one)) continue;
    for (const Intervention& twin : dual.interventions) {
      if (!twin.control || !counts(twin) || twin.token_class != one.token_class ||
          twin.gates != one.gates || twin.gate_values != one.gate_values ||
          twin.keep_sum != one.keep_sum)
        continue;
      for (const auto& [corpus, change] : one.change) {
        if (!twin.change.contains(corpus)) continue;
        const double beyond = change - twin.change.at(corpus);
        if (excess.any && beyond >= excess.change) continue;
        excess = {true, beyond,
                  Format("%s costs %+.3f more than %s on %s", one.name.c_str(), beyond,
                         twin.name.c_str(), CorpusTitle(corpus).c_str())};
      }
    }
  }
  return excess;
}

// Every one of the classes "A, B" is among `allowed`.
bool AllOf(const std::string& classes, const std::set<std::string>& allowed) {
  const std::vector<std::string> names = Split(classes, ',');
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return allowed.contains(std::string(Trim(name)));
  });
}

// Whether tokens of `classes` suffer more than others when they are forced onto the path of
// `gates`; `needs` says what to evaluate where it was not.
ClaimTest TestForcedClass(const ModelResult& model, GateRule gates,
                          const std::set<std::string>& classes, const std::string& needs) {
  ClaimTest test{model.name};
  const auto excess = [&](bool keep_sum) {
    return ExcessOverControl(*model.Find<Dual>(), [&](const Intervention& one) {
      return one.gates == gates && one.keep_sum == keep_sum && AllOf(one.token_class, classes);
    });
  };
  const SmallestChange plain = excess(false), kept = excess(true);
  test.verdict = Hurts(plain);
  test.reason = plain.any ? "at the least, " + plain.named : needs;
  // Overrides change g_d + g_w too; with the sum kept the choice of the path alone is left.
  if (kept.any) test.reason += "; with the scale of the residual kept, " + kept.named;
  return test;
}

// Gates are of dual-path blocks alone, steps of blocks that only loop too.
std::vector<ClaimTest> TestEach(const Results& results, bool loops_too,
                                ClaimTest (*test)(const ModelResult& model)) {
  std::vector<ClaimTest> tests;
  for (const ModelResult* model : MeasuredDualModels(results, loops_too))
    tests.push_back(test(*model));
  return tests;
}

}  // namespace

Claim BothPathsClaim() {
  return {"Both paths are needed: with one of them switched off the loss rises.", kDualPath,
          "+3.6 to +5.6 nats", [](const Results& results) {
            return TestEach(results, /*loops_too=*/false, TestBothPaths);
          }};
}

Claim NoExtrapolationClaim() {
  return {"Loops do not extrapolate: more steps than trained raise the loss.", kDualPath,
          "+0.02 to +0.29 nats for K = 5 to 10", [](const Results& results) {
            return TestEach(results, /*loops_too=*/true, TestMoreSteps);
          }};
}

Claim StepsNeededClaim() {
  return {"Every trained step counts: fewer steps raise the loss.", kDualPath,
          "+0.05 to +1.82 nats for K = 3 to 1", [](const Results& results) {
            std::vector<ClaimTest> tests;
            for (const ModelResult* model : MeasuredDualModels(results, /*loops_too=*/true)) {
              if (TrainedLoops(*model) >= 2) tests.push_back(TestFewerSteps(*model));
            }
            return tests;
          }};
}

Claim GatesMatterClaim() {
  return {
      "The gates choose by token: shuffled over the positions of a sequence, they raise the "
      "loss.",
      kDualPath, "+0.51 to +0.94 nats", [](const Results& results) {
        return TestEach(results, /*loops_too=*/false, TestShuffledGates);
      }};
}

Claim NumbersDeepClaim() {
  return {
      "Numbers and symbols need the deep path: forced onto the wide one they cost more than as "
      "many other tokens.",
      kDualPath, "0.00 to +0.37 nats beyond the control", [](const Results& results) {
        return TestEach(results, /*loops_too=*/false, [](const ModelResult& model) {
          return TestForcedClass(
              model, GateRule::kWide, {"NUM", "SYM"},
              "needs gates: wide with class: [NUM, SYM], and the same with control: true "
              "(evaluate: dual: interventions)");
        });
      }};
}

Claim WordsWideClaim() {
  return {
      "Adjectives, adverbs, particles, pronouns and verbs need the wide path: forced onto the "
      "deep one they cost more than as many other tokens.",
      kDualPath, "+0.02 to +0.14 nats beyond the control", [](const Results& results) {
        return TestEach(results, /*loops_too=*/false, [](const ModelResult& model) {
          return TestForcedClass(
              model, GateRule::kDeep, {"ADJ", "ADV", "PART", "PRON", "VERB"},
              "needs tagged text, gates: deep with class: [ADJ, ADV, PART, PRON, VERB], and "
              "the same with control: true (evaluate: dual)");
        });
      }};
}

}  // namespace braid::report
