// Arms of the dual-path paper at equal cost, by loss (docs/papers/dual_path.md#s8).
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/claims/claim.h"
#include "report/results/arms.h"

namespace braid::report {
namespace {

// Arms whose blocks have projections (accounting A) this close are called equal in cost; the
// published arms are within 4.7 %. The head is left out: of a small model it is most of the cost,
// and equal whatever the blocks are.
constexpr double kSameFlops = 0.05;

// Those whose loss on all text was measured.
std::vector<const Arm*> OfBlock(const std::vector<Arm>& arms, const std::string& block) {
  std::vector<const Arm*> found;
  for (const Arm& arm : arms) {
    if (arm.stack.block->name == block && arm.model->LossOn(kAllText).has_value())
      found.push_back(&arm);
  }
  return found;
}

double BlocksCost(const Arm& arm) {
  return static_cast<double>(arm.stack.blocks) * arm.block_projections;
}

// Arms of `block` that cost as much a token as `wide`, began with the same scales and saw as many
// tokens; the lowest loss first.
std::vector<const Arm*> Comparable(const std::vector<Arm>& arms, const std::string& block,
                                   const Arm& wide) {
  std::vector<const Arm*> found = OfBlock(arms, block);
  std::erase_if(found, [&](const Arm* arm) {
    const bool same_cost = std::abs(BlocksCost(*arm) / BlocksCost(wide) - 1) <= kSameFlops;
    return !same_cost || arm->stack.dual.scale_init != wide.stack.dual.scale_init ||
           arm->model->tokens != wide.model->tokens || arm->model->role != wide.model->role;
  });
  std::sort(found.begin(), found.end(), [](const Arm* a, const Arm* b) {
    return *a->model->LossOn(kAllText) < *b->model->LossOn(kAllText);
  });
  return found;
}

std::string ArmFigures(const Arm& arm, const Arm& wide) {
  const std::string bits = HasBitsPerByte(*arm.model)
                               ? Format(" (%s and %s bits a byte)", BitsPerByte(*arm.model).c_str(),
                                        BitsPerByte(*wide.model).c_str())
                               : "";
  return Format(
      "%s and %s have losses %s%s, %s and %s parameters, %s and %s operations a token by B",
      arm.model->name.c_str(), wide.model->name.c_str(),
      LossFigures(*arm.model, *wide.model, kAllText).c_str(), bits.c_str(),
      FormatCount(static_cast<double>(arm.model->evaluation.parameters)).c_str(),
      FormatCount(static_cast<double>(wide.model->evaluation.parameters)).c_str(),
      FormatCount(arm.causal).c_str(), FormatCount(wide.causal).c_str());
}

ClaimTest TestDualAgainstWide(const std::vector<Arm>& arms, const Arm& wide) {
  ClaimTest test{wide.model->name};
  const auto duals = Comparable(arms, "dual_path", wide);
  if (duals.empty()) {
    test.reason =
        "no dual-path model here costs as much within 5 %, began with the same scales and saw the "
        "same tokens";
  } else {
    test.subject = duals.front()->model->name + " and " + wide.model->name;
    test.verdict = LossIsLower(*LossDifference(*duals.front()->model, *wide.model, kAllText));
    test.reason = (duals.size() > 1 ? Format("the best of %zu dual-path arms: ", duals.size())
                                    : "") +
                  ArmFigures(*duals.front(), wide);
  }
  return test;
}

ClaimTest TestLoopAgainstWide(const std::vector<Arm>& arms, const Arm& wide) {
  ClaimTest test{wide.model->name};
  const auto loops = Comparable(arms, "loop", wide);
  if (loops.empty()) {
    test.reason =
        "no loop model here costs as much within 5 %, began with the same scales and saw the same "
        "tokens";
  } else {
    test.subject = loops.front()->model->name + " and " + wide.model->name;
    // Of the loop arms the best one decides: the claim is about all of them.
    test.verdict = LossIsLower(*LossDifference(*wide.model, *loops.front()->model, kAllText));
    test.reason = (loops.size() > 1 ? Format("the best of %zu loop arms: ", loops.size()) : "") +
                  ArmFigures(*loops.front(), wide);
  }
  return test;
}

// `test` of every wide arm, if the run has arms of `block`.
std::vector<ClaimTest> TestWideArms(const Results& results, const std::string& block,
                                    ClaimTest (*test)(const std::vector<Arm>&, const Arm& wide)) {
  const std::vector<Arm> arms = ArmsOf(results);
  std::vector<ClaimTest> tests;
  if (OfBlock(arms, block).empty()) return tests;
  for (const Arm* wide : OfBlock(arms, "wide")) tests.push_back(test(arms, *wide));
  return tests;
}

// What a corpus is about is not known here: the figures are given, the verdict is the reader's.
std::vector<ClaimTest> TestSharesByDomain(const Results& results) {
  const std::vector<Arm> arms = ArmsOf(results);
  const auto duals = OfBlock(arms, "dual_path");
  if (duals.size() < 2) return {};
  ClaimTest test{"the dual-path arms"};
  std::vector<std::string> best;
  for (const auto& [corpus, loss] : duals.front()->model->evaluation.losses) {
    const Arm* least = nullptr;
    for (const Arm* arm : duals) {
      if (arm->model->LossOn(corpus).has_value() &&
          (least == nullptr || *arm->model->LossOn(corpus) < *least->model->LossOn(corpus)))
        least = arm;
    }
    if (corpus != kAllText && least != nullptr) {
      best.push_back(Format("%s on %s (widths %lld deep, %lld wide)", least->model->name.c_str(),
                            corpus.c_str(), (long long)least->stack.dual.ffn_deep,
                            (long long)least->stack.dual.ffn_wide));
    }
  }
  test.reason = best.empty()
                    ? "needs the losses of corpora of both kinds"
                    : "which corpus is which is the reader's to say: best is " + Join(best, ", ");
  return {test};
}

}  // namespace

Claim DualBeatsWideClaim() {
  return {
      "At equal projection operations (A), a dual-path model is better than one that is only "
      "wide.",
      kDualPath, "0.005 to 0.006 bits per byte better, with fewer parameters",
      [](const Results& results) {
        return TestWideArms(results, "dual_path", TestDualAgainstWide);
      }};
}

Claim LoopLosesClaim() {
  return {
      "At equal projection operations (A), a model that only loops is worse than one that is "
      "only wide.",
      kDualPath, "0.013 to 0.040 bits per byte worse",
      [](const Results& results) { return TestWideArms(results, "loop", TestLoopAgainstWide); }};
}

Claim SharesSuitDomainsClaim() {
  return {
      "Arms that spend more on the wide path suit knowledge, those that spend more on the deep "
      "path suit arithmetic.",
      kDualPath, "best at alpha 25 on knowledge, 50 and 75 on mathematics", TestSharesByDomain};
}

}  // namespace braid::report
