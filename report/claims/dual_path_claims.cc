#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

#include "base/text.h"
#include "report/claims/claims.h"
#include "report/results/arms.h"
#include "report/results/results.h"

namespace braid::report {
namespace {

constexpr char kDualPath[] = "dual-path";
// Arms whose blocks have projections (accounting A) this close are called equal in cost; the
// published arms are within 4.7 %. The head is left out: of a small model it is most of the cost,
// and equal whatever the blocks are.
constexpr double kSameFlops = 0.05;

std::vector<const Arm*> OfBlock(const std::vector<Arm>& arms, const std::string& block) {
  std::vector<const Arm*> found;
  for (const Arm& arm : arms) {
    if (arm.stack.block->name == block && arm.model->LossOn("all").has_value())
      found.push_back(&arm);
  }
  return found;
}

double BlocksCost(const Arm& arm) {
  return static_cast<double>(arm.stack.blocks) * arm.block_projections;
}

// Arms of `block` that cost as much a token as `wide`, began with the same scales and saw as many
// tokens.
std::vector<const Arm*> Comparable(const std::vector<Arm>& arms, const std::string& block,
                                   const Arm& wide) {
  std::vector<const Arm*> found = OfBlock(arms, block);
  std::erase_if(found, [&](const Arm* arm) {
    const bool same_cost = std::abs(BlocksCost(*arm) / BlocksCost(wide) - 1) <= kSameFlops;
    return !same_cost || arm->stack.dual.scale_init != wide.stack.dual.scale_init ||
           arm->model->tokens != wide.model->tokens || arm->model->role != wide.model->role;
  });
  std::sort(found.begin(), found.end(), [](const Arm* a, const Arm* b) {
    return *a->model->LossOn("all") < *b->model->LossOn("all");
  });
  return found;
}

std::string Figures(const Arm& arm, const Arm& wide) {
  const std::string bits = BitsPerByte(*arm.model) == "-"
                               ? ""
                               : Format(" (%s and %s bits a byte)", BitsPerByte(*arm.model).c_str(),
                                        BitsPerByte(*wide.model).c_str());
  return Format(
      "%s and %s have losses %s%s, %s and %s parameters, %s and %s operations a token by B",
      arm.model->name.c_str(), wide.model->name.c_str(),
      LossFigures(*arm.model, *wide.model, "all").c_str(), bits.c_str(),
      FormatCount(static_cast<double>(arm.model->evaluation.parameters)).c_str(),
      FormatCount(static_cast<double>(wide.model->evaluation.parameters)).c_str(),
      FormatCount(arm.causal).c_str(), FormatCount(wide.causal).c_str());
}

void DualBeatsWide(const std::vector<Arm>& arms, const Arm& wide, std::vector<Finding>* findings) {
  if (OfBlock(arms, "dual_path").empty()) return;
  Finding finding{
      "At equal projection operations (A), a dual-path model is better than one that is only wide.",
      kDualPath, "0.005 to 0.006 bits per byte better, with fewer parameters", wide.model->name};
  const auto duals = Comparable(arms, "dual_path", wide);
  if (duals.empty()) {
    finding.reason =
        "no dual-path model here costs as much within 5 %, began with the same scales and saw the "
        "same tokens";
  } else {
    finding.subject = duals.front()->model->name + " and " + wide.model->name;
    finding.verdict = LossIsLower(*LossDifference(*duals.front()->model, *wide.model, "all"));
    finding.reason = (duals.size() > 1 ? Format("the best of %zu dual-path arms: ", duals.size())
                                       : "") +
                     Figures(*duals.front(), wide);
  }
  findings->push_back(std::move(finding));
}

void LoopLoses(const std::vector<Arm>& arms, const Arm& wide, std::vector<Finding>* findings) {
  if (OfBlock(arms, "loop").empty()) return;
  Finding finding{
      "At equal projection operations (A), a model that only loops is worse than one that is only "
      "wide.",
      kDualPath, "0.013 to 0.040 bits per byte worse", wide.model->name};
  const auto loops = Comparable(arms, "loop", wide);
  if (loops.empty()) {
    finding.reason =
        "no loop model here costs as much within 5 %, began with the same scales and saw the same "
        "tokens";
  } else {
    finding.subject = loops.front()->model->name + " and " + wide.model->name;
    // Of the loop arms the best one decides: the claim is about all of them.
    finding.verdict = LossIsLower(*LossDifference(*wide.model, *loops.front()->model, "all"));
    finding.reason = (loops.size() > 1 ? Format("the best of %zu loop arms: ", loops.size()) : "") +
                     Figures(*loops.front(), wide);
  }
  findings->push_back(std::move(finding));
}

using Wanted = std::function<bool(const Intervention&)>;

// The smallest change over all corpora of the interventions wanted; `named` is how it is said.
struct Smallest {
  bool any = false;
  double change = 0;
  std::string named;
};

Smallest SmallestChange(const Dual& dual, const Wanted& wanted) {
  Smallest smallest;
  for (const Intervention& one : dual.interventions) {
    if (!one.token_class.empty() || one.partial || one.keep_sum || !wanted(one)) continue;
    for (const auto& [corpus, change] : one.change) {
      if (smallest.any && change >= smallest.change) continue;
      smallest = {true, change,
                  Format("%s on %s changes the loss by %+.3f", one.name.c_str(),
                         corpus == "all" ? "all text" : corpus.c_str(), change)};
    }
  }
  return smallest;
}

// Forced steps alone: an intervention that sets gates too says nothing of the steps.
bool AsLearned(const Intervention& one) {
  return one.gates.empty() || one.gates == "learned";
}

Verdict Hurts(const Smallest& smallest) {
  if (!smallest.any) return Verdict::kUndecided;
  if (smallest.change > kSameLoss) return Verdict::kHolds;
  return smallest.change < -kSameLoss ? Verdict::kDoesNotHold : Verdict::kUndecided;
}

void BothNeeded(const ModelResult& model, std::vector<Finding>* findings) {
  Finding finding{"Both paths are needed: with one of them switched off the loss rises.", kDualPath,
                  "+3.6 to +5.6 nats", model.name};
  const Smallest deep = SmallestChange(*model.evaluation.dual, [](const Intervention& i) {
    return i.gates == "deep" && i.loops == 0;
  });
  const Smallest wide = SmallestChange(*model.evaluation.dual, [](const Intervention& i) {
    return i.gates == "wide" && i.loops == 0;
  });
  if (!deep.any || !wide.any) {
    finding.reason =
        "needs the interventions gates: deep and gates: wide (evaluate: dual: interventions)";
  } else {
    const Smallest& least = deep.change < wide.change ? deep : wide;
    finding.verdict = Hurts(least);
    finding.reason = "at the least, " + least.named;
  }
  findings->push_back(std::move(finding));
}

void NoExtrapolation(const ModelResult& model, std::vector<Finding>* findings) {
  const int64_t trained = TrainedLoops(model);
  Finding finding{"Loops do not extrapolate: more steps than trained raise the loss.", kDualPath,
                  "+0.02 to +0.29 nats for K = 5 to 10", model.name};
  const Smallest more = SmallestChange(*model.evaluation.dual, [&](const Intervention& i) {
    return AsLearned(i) && i.loops > trained;
  });
  if (trained == 0 || !more.any) {
    finding.reason =
        trained == 0
            ? "the steps K that it was trained with are not known"
            : Format("needs an intervention with loops above %lld (evaluate: dual: interventions)",
                     (long long)trained);
  } else {
    finding.verdict = Hurts(more);
    finding.reason = Format("trained with K = %lld; at best, ", (long long)trained) + more.named;
  }
  findings->push_back(std::move(finding));
}

void StepsNeeded(const ModelResult& model, std::vector<Finding>* findings) {
  const int64_t trained = TrainedLoops(model);
  if (trained < 2) return;
  Finding finding{"Every trained step counts: fewer steps raise the loss.", kDualPath,
                  "+0.05 to +1.82 nats for K = 3 to 1", model.name};
  const Smallest fewer = SmallestChange(*model.evaluation.dual, [&](const Intervention& i) {
    return AsLearned(i) && i.loops > 0 && i.loops < trained;
  });
  finding.verdict = Hurts(fewer);
  finding.reason =
      fewer.any
          ? "at the least, " + fewer.named
          : Format("needs an intervention with loops below %lld (evaluate: dual: interventions)",
                   (long long)trained);
  findings->push_back(std::move(finding));
}

void GatesMatter(const ModelResult& model, std::vector<Finding>* findings) {
  Finding finding{
      "The gates choose by token: shuffled over the positions of a sequence, they raise the loss.",
      kDualPath, "+0.51 to +0.94 nats", model.name};
  // The published one permutes each gate alone; a joint permutation says the same where it is all
  // there is.
  const auto shuffled_as = [&](const char* how) {
    return SmallestChange(*model.evaluation.dual, [&](const Intervention& i) {
      return i.gates == "shuffled" && i.shuffle == how;
    });
  };
  Smallest shuffled = shuffled_as("independent");
  if (!shuffled.any) shuffled = shuffled_as("joint");
  finding.verdict = Hurts(shuffled);
  finding.reason = shuffled.any
                       ? "at the least, " + shuffled.named
                       : "needs the intervention gates: shuffled (evaluate: dual: interventions)";
  findings->push_back(std::move(finding));
}

std::string LabelOf(const ReadOut& row, const std::string& label) {
  for (const auto& [name, value] : row.labels) {
    if (name == label) return value;
  }
  return "";
}

// Mean deep share of all tokens of the read-outs that `wanted` takes.
std::optional<double> DeepShareOf(const Dual& dual,
                                  const std::function<bool(const ReadOut&)>& wanted) {
  double sum = 0, tokens = 0;
  for (const ReadOut& row : dual.readouts) {
    const auto share = row.values.find("deep_share"), count = row.values.find("tokens");
    if (share == row.values.end() || count == row.values.end() || !wanted(row)) continue;
    sum += share->second * count->second;
    tokens += count->second;
  }
  return tokens > 0 ? std::optional(sum / tokens) : std::nullopt;
}

constexpr double kSameShare = 0.05;

Verdict IsAbove(double high, double low) {
  if (std::abs(high - low) < kSameShare) return Verdict::kUndecided;
  return high > low ? Verdict::kHolds : Verdict::kDoesNotHold;
}

void ClassesDiffer(const ModelResult& model, std::vector<Finding>* findings) {
  Finding finding{"Layout and symbols lean on the deep path, words on the wide one.", kDualPath,
                  "SPACE, PUNCT and SYM deepest, adverbs to verbs widest", model.name};
  const auto layout = DeepShareOf(*model.evaluation.dual, [](const ReadOut& row) {
    const std::string of = LabelOf(row, "class");
    return of == "SPACE" || of == "PUNCT" || of == "SYM";
  });
  const auto words = DeepShareOf(
      *model.evaluation.dual, [](const ReadOut& row) { return LabelOf(row, "class") == "WORD"; });
  if (!layout || !words) {
    finding.reason = "needs read-outs of words, and of layout or symbols (evaluate: dual)";
  } else {
    finding.verdict = IsAbove(*layout, *words);
    finding.reason = Format("mean deep share %.2f of SPACE, PUNCT and SYM, %.2f of WORD", *layout,
                            *words);
  }
  findings->push_back(std::move(finding));
}

// How much more forcing some classes costs than forcing as many other tokens, at the least over
// corpora. Only twins compare: of the same classes, gates and rule for the residual's scale.
Smallest ExcessOverControl(const Dual& dual, const Wanted& wanted) {
  Smallest excess;
  const auto counts = [&](const Intervention& one) {
    return wanted(one) && !one.partial && one.loops == 0 && !one.token_class.empty();
  };
  for (const Intervention& one : dual.interventions) {
    if (one.control || !counts(one)) continue;
    for (const Intervention& twin : dual.interventions) {
      if (!twin.control || !counts(twin) || twin.token_class != one.token_class ||
          twin.gates != one.gates || twin.keep_sum != one.keep_sum)
        continue;
      for (const auto& [corpus, change] : one.change) {
        if (!twin.change.contains(corpus)) continue;
        const double beyond = change - twin.change.at(corpus);
        if (excess.any && beyond >= excess.change) continue;
        excess = {true, beyond,
                  Format("%s costs %+.3f more than %s on %s", one.name.c_str(), beyond,
                         twin.name.c_str(), corpus == "all" ? "all text" : corpus.c_str())};
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

void ClassNeedsItsPath(const ModelResult& model, Finding finding, const std::string& gates,
                       const std::set<std::string>& classes, const std::string& needs,
                       std::vector<Finding>* findings) {
  finding.subject = model.name;
  const auto excess = [&](bool keep_sum) {
    return ExcessOverControl(*model.evaluation.dual, [&](const Intervention& one) {
      return one.gates == gates && one.keep_sum == keep_sum && AllOf(one.token_class, classes);
    });
  };
  const Smallest plain = excess(false), kept = excess(true);
  finding.verdict = Hurts(plain);
  finding.reason = plain.any ? "at the least, " + plain.named : needs;
  // Overrides change g_d + g_w too; with the sum kept the choice of the path alone is left.
  if (kept.any) finding.reason += "; with the scale of the residual kept, " + kept.named;
  findings->push_back(std::move(finding));
}

void ArithmeticNeedsDeep(const ModelResult& model, std::vector<Finding>* findings) {
  ClassNeedsItsPath(model,
                    {"Numbers and symbols need the deep path: forced onto the wide one they cost "
                     "more than as many other tokens.",
                     kDualPath, "0.00 to +0.37 nats beyond the control"},
                    "wide", {"NUM", "SYM"},
                    "needs gates: wide with class: [NUM, SYM], and the same with control: true "
                    "(evaluate: dual: interventions)",
                    findings);
}

void WordsNeedWide(const ModelResult& model, std::vector<Finding>* findings) {
  ClassNeedsItsPath(model,
                    {"Adjectives, adverbs, particles, pronouns and verbs need the wide path: "
                     "forced onto the deep one they cost more than as "
                     "many other tokens.",
                     kDualPath, "+0.02 to +0.14 nats beyond the control"},
                    "deep", {"ADJ", "ADV", "PART", "PRON", "VERB"},
                    "needs tagged text, gates: deep with class: [ADJ, ADV, PART, PRON, VERB], and "
                    "the same with control: true (evaluate: dual)",
                    findings);
}

// |g_d - g_w|, mean over the tokens of layers [begin, end).
double OneSided(const Dual& dual, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += dual.layers[i].values.at("gate_gap");
  return sum / static_cast<double>(end - begin);
}

void GatesSharpen(const ModelResult& model, std::vector<Finding>* findings) {
  const Dual& dual = *model.evaluation.dual;
  Finding finding{"Gates are balanced in the first layers and one-sided in the last.", kDualPath,
                  "small and balanced in layers 0 to 4, in the corners in 10 to 15 of 16",
                  model.name};
  const size_t layers = dual.layers.size();
  const bool known = std::all_of(dual.layers.begin(), dual.layers.end(), [](const ReadOut& row) {
    return row.values.contains("gate_gap");
  });
  if (layers < 4 || !known) {
    finding.reason = Format("needs the gates of four layers or more; %zu were read out",
                            known ? layers : size_t{0});
  } else {
    const size_t first = std::max<size_t>(1, layers * 5 / 16),
                 last = layers - std::max<size_t>(1, layers * 6 / 16);
    const double early = OneSided(dual, 0, first), late = OneSided(dual, last, layers);
    finding.verdict = IsAbove(late, early);
    finding.reason = Format(
        "the gates of a token differ by %.2f in the first %zu layers, by %.2f in the last %zu",
        early, first, late, layers - last);
  }
  findings->push_back(std::move(finding));
}

// What a corpus is about is not known here: the figures are given, the verdict is the reader's.
void CorporaDiffer(const ModelResult& model, std::vector<Finding>* findings) {
  const Dual& dual = *model.evaluation.dual;
  Finding finding{"Late layers are deeper on arithmetic than on questions of knowledge.", kDualPath,
                  "GSM8K deeper than TriviaQA", model.name};
  std::set<std::string> late, corpora;
  for (size_t i = dual.layers.size() * 5 / 8; i < dual.layers.size(); ++i)
    late.insert(LabelOf(dual.layers[i], "place"));
  for (const ReadOut& row : dual.readouts) corpora.insert(LabelOf(row, "corpus"));
  corpora.erase("");
  std::vector<std::string> shares;
  for (const std::string& corpus : corpora) {
    const auto share = DeepShareOf(dual, [&](const ReadOut& row) {
      return LabelOf(row, "corpus") == corpus && late.contains(LabelOf(row, "place"));
    });
    if (share) shares.push_back(Format("%.2f on %s", *share, corpus.c_str()));
  }
  finding.reason =
      shares.size() < 2
          ? "needs read-outs of two corpora (evaluate: dual)"
          : "which corpus is which is the reader's to say: mean deep share in the late layers " +
                Join(shares, ", ");
  findings->push_back(std::move(finding));
}

void SharesSuitDomains(const std::vector<Arm>& arms, std::vector<Finding>* findings) {
  const auto duals = OfBlock(arms, "dual_path");
  if (duals.size() < 2) return;
  Finding finding{
      "Arms that spend more on the wide path suit knowledge, those that spend more on the deep "
      "path suit arithmetic.",
      kDualPath, "best at alpha 25 on knowledge, 50 and 75 on mathematics", "the dual-path arms"};
  std::vector<std::string> best;
  for (const auto& [corpus, loss] : duals.front()->model->evaluation.losses) {
    const Arm* least = nullptr;
    for (const Arm* arm : duals) {
      if (arm->model->LossOn(corpus).has_value() &&
          (least == nullptr || *arm->model->LossOn(corpus) < *least->model->LossOn(corpus)))
        least = arm;
    }
    if (corpus != "all" && least != nullptr) {
      best.push_back(Format("%s on %s (widths %lld deep, %lld wide)", least->model->name.c_str(),
                            corpus.c_str(), (long long)least->stack.dual.ffn_deep,
                            (long long)least->stack.dual.ffn_wide));
    }
  }
  finding.reason = best.empty() ? "needs the losses of corpora of both kinds"
                                : "which corpus is which is the reader's to say: best is " +
                                      Join(best, ", ");
  findings->push_back(std::move(finding));
}

// Mean deep share of layers [begin, end).
double DeepShare(const Dual& dual, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += dual.layers[i].values.at("deep_share");
  return sum / static_cast<double>(end - begin);
}

void LastLayersDeep(const ModelResult& model, std::vector<Finding>* findings) {
  const Dual& dual = *model.evaluation.dual;
  Finding finding{"Middle layers lean on the wide path, the last ones on the deep path.", kDualPath,
                  "deep share 0.28 to 0.40 in layers 2 to 9, 0.5 to 0.6 in the last two of 16",
                  model.name};
  const size_t layers = dual.layers.size();
  const bool known = std::all_of(dual.layers.begin(), dual.layers.end(), [](const ReadOut& row) {
    return row.values.contains("deep_share");
  });
  if (layers < 4 || !known) {
    finding.reason = Format("needs the deep share of four layers or more; %zu were read out",
                            known ? layers : size_t{0});
  } else {
    // The published borders, at this depth: an eighth of the layers up to five eighths, and the
    // last eighth.
    const size_t begin = std::max<size_t>(1, layers / 8), end = std::max(begin + 1, layers * 5 / 8),
                 last = layers - std::max<size_t>(1, layers / 8);
    const double middle = DeepShare(dual, begin, end), late = DeepShare(dual, last, layers);
    finding.verdict = IsAbove(late, middle);
    finding.reason = Format(
        "mean deep share %.2f in the middle, %.2f in the last %zu of %zu layers", middle, late,
        layers - last, layers);
  }
  findings->push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> TestDualPathClaims(const Results& results) {
  std::vector<Finding> findings;
  const std::vector<Arm> arms = ArmsOf(results);
  for (const Arm* wide : OfBlock(arms, "wide")) DualBeatsWide(arms, *wide, &findings);
  for (const Arm* wide : OfBlock(arms, "wide")) LoopLoses(arms, *wide, &findings);
  SharesSuitDomains(arms, &findings);
  const auto each = [&](const auto& test, const std::string& other_block) {
    for (const ModelResult& model : results.models) {
      if (model.role == "composite_start" || !model.evaluation.dual.has_value()) continue;
      if (HasBlock(model, "dual_path") || HasBlock(model, other_block)) test(model, &findings);
    }
  };
  // Gates are of dual-path blocks alone, steps of loops too.
  each(BothNeeded, "dual_path");
  each(StepsNeeded, "loop");
  each(NoExtrapolation, "loop");
  each(GatesMatter, "dual_path");
  each(ClassesDiffer, "dual_path");
  each(ArithmeticNeedsDeep, "dual_path");
  each(WordsNeedWide, "dual_path");
  each(CorporaDiffer, "dual_path");
  for (const auto& test : {LastLayersDeep, GatesSharpen}) {
    for (const ModelResult& model : results.models) {
      // The blocks of a composite are not one stack.
      const bool one_stack = !model.composed() && model.role != "composite_scratch";
      if (one_stack && model.evaluation.dual.has_value() && HasBlock(model, "dual_path"))
        test(model, &findings);
    }
  }
  return findings;
}

}  // namespace braid::report
