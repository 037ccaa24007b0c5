#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/claims/claims.h"
#include "report/results/baseline.h"

namespace braid::report {
namespace {

constexpr char kPapaformer[] = "PaPaformer";

std::string Tokens(const ModelResult& a, const ModelResult& b) {
  if (a.tokens <= 0 || b.tokens <= 0)
    return "; the tokens of " + (a.tokens <= 0 ? a : b).name + " are not known";
  if (SameTokens(a, b)) return "";
  return Format("; not on the same tokens: %s against %s",
                FormatCount(static_cast<double>(a.tokens)).c_str(),
                FormatCount(static_cast<double>(b.tokens)).c_str());
}

// What Table 7 needs and `model` lacks; empty if it has all.
std::string MissingScores(const ModelResult& model) {
  const Evaluation& evaluation = model.evaluation;
  std::vector<std::string> missing;
  if (!evaluation.blimp.has_value() || evaluation.blimp->partial())
    missing.push_back("all of BLiMP");
  if (!evaluation.glue.has_value() || !evaluation.glue->glue.has_value())
    missing.push_back("all eight GLUE tasks");
  if (!evaluation.glue.has_value() || !evaluation.glue->superglue.has_value())
    missing.push_back("all three SuperGLUE tasks");
  return missing.empty() ? "" : model.name + " was not evaluated on " + Join(missing, ", ");
}

std::string Interval(const Estimate& difference) {
  const std::string text = Format("difference %+.2f", difference.value);
  return difference.has_interval()
             ? text + Format(" ± %.2f", difference.HalfWidth())
             : text + ", with no interval: evaluate GLUE with two or more seeds";
}

bool FromScratch(const ModelResult& composite) {
  return composite.role == "composite_scratch";
}

void ByLoss(const ModelResult& composite, const ModelResult& dense,
            std::vector<Finding>* findings) {
  Finding finding{FromScratch(composite) ? "A composite trained from scratch reaches a lower loss "
                                           "than a dense model that saw the same tokens."
                                         : "A composite of pre-trained paths reaches a lower loss "
                                           "than a dense model that saw the same tokens.",
                  kPapaformer, "losses are not printed", composite.name + " and " + dense.name};
  const auto difference = LossDifference(composite, dense, "all");
  if (!difference.has_value()) {
    finding.reason = "no validation loss on all text was measured (evaluate: loss)";
  } else {
    const bool known = composite.tokens > 0 && dense.tokens > 0;
    if (known) finding.verdict = LossIsLower(*difference);
    // Who saw more text must not win by it; who loses in spite of it has lost.
    const bool saw_more = known && !SameTokens(composite, dense) && composite.tokens > dense.tokens;
    const bool saw_less = known && !SameTokens(composite, dense) && composite.tokens < dense.tokens;
    if (saw_more && finding.verdict == Verdict::kHolds) finding.verdict = Verdict::kUndecided;
    if (saw_less && finding.verdict == Verdict::kDoesNotHold) finding.verdict = Verdict::kUndecided;
    finding.reason = "loss on all text " + LossFigures(composite, dense, "all") +
                     Tokens(composite, dense) +
                     (known && std::abs(difference->value) <= kSameLoss
                          ? Format("; up to %.3f is called equal", kSameLoss)
                          : "");
  }
  findings->push_back(std::move(finding));
}

void ByScores(const ModelResult& composite, const ModelResult& dense,
              std::vector<Finding>* findings) {
  Finding finding{
      "A composite scores higher than the dense model on the mean of BLiMP, GLUE and SuperGLUE.",
      kPapaformer,
      FromScratch(composite)
          ? "phase 1: 59.85 of Share_Linear, 58.15 and 58.45 of the other two, against 59.85"
          : "59.40 against 59.25, a gap below the spread over seeds",
      composite.name + " and " + dense.name};
  const auto mine = composite.evaluation.MeanScore(), theirs = dense.evaluation.MeanScore();
  if (!mine.has_value() || !theirs.has_value()) {
    finding.reason = !mine.has_value() ? MissingScores(composite) : MissingScores(dense);
  } else {
    const Estimate difference = Difference(*mine, *theirs);
    finding.verdict = IsAbove(difference);
    finding.reason = Format("%.2f against %.2f, %s", mine->value, theirs->value,
                            Interval(difference).c_str()) +
                     Tokens(composite, dense);
  }
  findings->push_back(std::move(finding));
}

void BySize(const ModelResult& composite, const ModelResult& dense,
            std::vector<Finding>* findings) {
  Finding finding{"A composite needs fewer parameters than the dense model.", kPapaformer,
                  "29.4 M against 33.6 M", composite.name + " and " + dense.name};
  const int64_t mine = composite.evaluation.parameters, theirs = dense.evaluation.parameters;
  if (mine <= 0 || theirs <= 0) {
    finding.reason = "the sizes are not known: evaluate both models";
  } else {
    finding.verdict = mine < theirs ? Verdict::kHolds : Verdict::kDoesNotHold;
    finding.reason = Format("%s against %s, a ratio of %.2f",
                            FormatCount(static_cast<double>(mine)).c_str(),
                            FormatCount(static_cast<double>(theirs)).c_str(),
                            static_cast<double>(mine) / static_cast<double>(theirs));
  }
  findings->push_back(std::move(finding));
}

constexpr char kNoTimes[] =
    "the times of the paths, the joint training or the dense model are not part of this run";

void ByCriticalPath(const Results& results, const ModelResult& composite, const ModelResult& dense,
                    std::vector<Finding>* findings) {
  Finding finding{
      "With its paths trained at the same time, a composite is ready before the dense model.",
      kPapaformer, "7.85 hours against 12.5, two devices against one",
      composite.name + " and " + dense.name};
  const SpeedComparison* speed = results.FindSpeed(composite, dense);
  if (speed == nullptr) {
    finding.reason = kNoTimes;
  } else {
    finding.verdict = IsShorter(speed->critical_path, speed->dense_seconds);
    finding.reason = Format(
        "critical path %s on up to %lld cores against %s on %lld; on equal cores the dense model "
        "would take %s if more "
        "cores cost it nothing",
        FormatDuration(speed->critical_path).c_str(), (long long)speed->cores,
        FormatDuration(speed->dense_seconds).c_str(), (long long)speed->dense_cores,
        FormatDuration(speed->dense_equal_cores).c_str());
  }
  findings->push_back(std::move(finding));
}

void ByDeviceTime(const Results& results, const ModelResult& composite, const ModelResult& dense,
                  std::vector<Finding>* findings) {
  Finding finding{"A composite needs less device time in all than the dense model.", kPapaformer,
                  "9.35 hours against 12.5 of one device", composite.name + " and " + dense.name};
  const SpeedComparison* speed = results.FindSpeed(composite, dense);
  if (speed == nullptr) {
    finding.reason = kNoTimes;
  } else {
    const double dense_work = speed->dense_seconds * static_cast<double>(speed->dense_cores);
    finding.verdict = IsShorter(speed->composite_core_seconds, dense_work);
    finding.reason = Format("%s of one core against %s",
                            FormatDuration(speed->composite_core_seconds).c_str(),
                            FormatDuration(dense_work).c_str());
  }
  findings->push_back(std::move(finding));
}

void AgainstPaths(const Results& results, const ModelResult& composite,
                  std::vector<Finding>* findings) {
  Finding finding{"A composite is better than each of its paths.", kPapaformer,
                  "59.40 against 56.90 and 55.30, mean of BLiMP, GLUE and SuperGLUE",
                  composite.name};
  const ModelResult* best = BestPathOf(results, composite);
  if (best == nullptr || !composite.LossOn("all").has_value()) {
    finding.reason =
        "no validation loss on all text was measured for it and its paths (evaluate: loss)";
  } else {
    finding.subject += " and " + best->name;
    finding.verdict = LossIsLower(*LossDifference(composite, *best, "all"));
    finding.reason = "against the best of its paths: loss on all text " +
                     LossFigures(composite, *best, "all");
    const auto score = composite.evaluation.MeanScore(), other = best->evaluation.MeanScore();
    if (score.has_value() && other.has_value()) {
      finding.reason += Format("; mean score %.2f against %.2f, %s", score->value, other->value,
                               Interval(Difference(*score, *other)).c_str());
    }
  }
  findings->push_back(std::move(finding));
}

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

void ByDomain(const ModelResult& composite, std::vector<Finding>* findings) {
  if (!composite.evaluation.routing.has_value()) return;
  Finding finding{
      "The path that is used follows the domain of the text.", kPapaformer,
      "40, 46.5 and 50 % of the decisions take the path of the prompt's domain: near chance",
      composite.name};
  const auto& routing = *composite.evaluation.routing;
  if (!routing.summary.has_value() || !routing.summary->correct.has_value() ||
      routing.summary->judged <= 0) {
    finding.reason = "no prompt names the path of its domain (evaluate: routing: prompts: correct)";
  } else {
    const double chance = ChanceOf(routing);
    const Estimate correct = Scaled(
        Proportion(*routing.summary->correct / 100, static_cast<double>(routing.summary->judged)),
        100);
    finding.verdict = IsAbove(Difference(correct, {chance, 0}));
    finding.reason = Format(
        "%s %% of %lld decisions are right; %.1f %% would be if the choice did not depend on the "
        "prompt",
        ToText(correct, 1).c_str(), (long long)routing.summary->judged, chance);
  }
  findings->push_back(std::move(finding));
}

struct Use {
  const ModelResult* model;
  double dominance;  // per cent of the decisions that take the path taken most
};

std::vector<Use> PathUse(const Results& results) {
  std::vector<Use> uses;
  for (const ModelResult& model : results.models) {
    const auto& routing = model.evaluation.routing;
    if (model.role == "composite_start" || !routing.has_value() || !routing->summary.has_value())
      continue;
    const auto& shares = routing->summary->shares;
    const size_t paths = std::min(results.PathsOf(model).size(), shares.size());
    if (paths >= 2)
      uses.push_back(
          {&model,
           *std::max_element(shares.begin(), shares.begin() + static_cast<std::ptrdiff_t>(paths))});
  }
  std::sort(uses.begin(), uses.end(),
            [](const Use& a, const Use& b) { return a.dominance < b.dominance; });
  return uses;
}

// Pairs of models in which the more one-sided one scores higher, less those in which it scores
// lower.
int Agreement(const std::vector<Use>& uses) {
  int agreement = 0;
  for (size_t i = 0; i < uses.size(); ++i) {
    for (size_t j = i + 1; j < uses.size(); ++j) {
      const double score = uses[j].model->evaluation.MeanScore()->value -
                           uses[i].model->evaluation.MeanScore()->value;
      if (uses[j].dominance > uses[i].dominance) agreement += score > 0 ? 1 : score < 0 ? -1 : 0;
    }
  }
  return agreement;
}

void ByEvenness(const Results& results, std::vector<Finding>* findings) {
  std::vector<Use> uses = PathUse(results);
  if (uses.empty()) return;
  Finding finding{"Even use of the paths goes with lower scores, a dominant path with higher ones.",
                  kPapaformer,
                  "largest share of a path 50, 70, 70 %: mean score 58.25, 58.90, 59.40",
                  "all composites"};
  std::erase_if(uses,
                [](const Use& use) { return !use.model->evaluation.MeanScore().has_value(); });
  constexpr double kSameUse = 5;
  if (uses.size() < 3) {
    finding.reason = Format(
        "needs three composites with routing, BLiMP, GLUE and SuperGLUE; the run has %zu",
        uses.size());
  } else if (uses.back().dominance - uses.front().dominance < kSameUse) {
    finding.reason = Format(
        "all composites use their paths alike: the largest share of a path is %.1f to %.1f %%",
        uses.front().dominance, uses.back().dominance);
  } else {
    const Estimate difference = Difference(*uses.back().model->evaluation.MeanScore(),
                                           *uses.front().model->evaluation.MeanScore());
    const int agreement = Agreement(uses);
    finding.verdict = IsAbove(difference);
    if ((finding.verdict == Verdict::kHolds) != (agreement > 0))
      finding.verdict = Verdict::kUndecided;
    finding.reason = Format(
        "%s (largest share %.1f %%) against %s (%.1f %%): %s; %zu models, so no more than a "
        "direction",
        uses.back().model->name.c_str(), uses.back().dominance, uses.front().model->name.c_str(),
        uses.front().dominance, Interval(difference).c_str(), uses.size());
  }
  findings->push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> TestPapaformerClaims(const Results& results) {
  std::vector<Finding> findings;
  const auto merged = results.WithRole("composite");
  std::vector<const ModelResult*> composites = merged;  // and those from scratch, as in phase 1 of
                                                        // the paper
  for (const ModelResult* composite : results.WithRole("composite_scratch"))
    composites.push_back(composite);
  const auto against_dense = [&](const std::vector<const ModelResult*>& some, const auto& test) {
    for (const ModelResult* composite : some) {
      if (const ModelResult* dense = BestBaselineOf(results, *composite); dense != nullptr)
        test(*composite, *dense);
    }
  };
  against_dense(composites,
                [&](const ModelResult& c, const ModelResult& d) { ByLoss(c, d, &findings); });
  against_dense(composites,
                [&](const ModelResult& c, const ModelResult& d) { ByScores(c, d, &findings); });
  against_dense(composites,
                [&](const ModelResult& c, const ModelResult& d) { BySize(c, d, &findings); });
  against_dense(merged, [&](const ModelResult& c, const ModelResult& d) {
    ByCriticalPath(results, c, d, &findings);
  });
  against_dense(merged, [&](const ModelResult& c, const ModelResult& d) {
    ByDeviceTime(results, c, d, &findings);
  });
  for (const ModelResult* composite : merged) AgainstPaths(results, *composite, &findings);
  for (const ModelResult* composite : composites) ByDomain(*composite, &findings);
  ByEvenness(results, &findings);
  return findings;
}

}  // namespace braid::report
