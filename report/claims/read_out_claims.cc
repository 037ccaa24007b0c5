// Where in a dual-path model, and on which tokens, the deep path carries more
// (docs/papers/dual_path.md#s6).
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

#include "base/text.h"
#include "report/claims/claim.h"
#include "report/input/dual.h"
#include "report/results/arms.h"
#include "spec/evaluate/token_class.h"

namespace braid::report {
namespace {

using spec::TokenClass;

// Deep shares and gates closer than this are called equal.
constexpr double kSameShare = 0.05;

Verdict ShareIsAbove(double high, double low) {
  if (std::abs(high - low) < kSameShare) return Verdict::kUndecided;
  return high > low ? Verdict::kHolds : Verdict::kDoesNotHold;
}

bool ClassIs(const ReadOut& row, TokenClass one) {
  return IsNameOf(LabelOf(row, "class"), one);
}

// Mean deep share of all tokens of the read-outs that `wanted` takes; none if there are none.
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

ClaimTest TestClasses(const ModelResult& model) {
  ClaimTest test{model.name};
  const auto layout = DeepShareOf(*model.Find<Dual>(), [](const ReadOut& row) {
    return ClassIs(row, TokenClass::kSpace) || ClassIs(row, TokenClass::kPunct) ||
           ClassIs(row, TokenClass::kSym);
  });
  const auto words = DeepShareOf(
      *model.Find<Dual>(), [](const ReadOut& row) { return ClassIs(row, TokenClass::kWord); });
  if (!layout || !words) {
    test.reason = "needs read-outs of words, and of layout or symbols (evaluate: dual)";
  } else {
    test.verdict = ShareIsAbove(*layout, *words);
    test.reason = Format("mean deep share %.2f of SPACE, PUNCT and SYM, %.2f of WORD", *layout,
                         *words);
  }
  return test;
}

// What a corpus is about is not known here: the figures are given, the verdict is the reader's.
ClaimTest TestCorpora(const ModelResult& model) {
  const Dual& dual = *model.Find<Dual>();
  ClaimTest test{model.name};
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
  test.reason =
      shares.size() < 2
          ? "needs read-outs of two corpora (evaluate: dual)"
          : "which corpus is which is the reader's to say: mean deep share in the late layers " +
                Join(shares, ", ");
  return test;
}

bool AllLayersHave(const Dual& dual, const char* read_out) {
  return std::all_of(dual.layers.begin(), dual.layers.end(),
                     [&](const ReadOut& row) { return row.values.contains(read_out); });
}

// Mean of a read-out over layers [begin, end), which all have it.
double MeanOfLayers(const Dual& dual, const char* read_out, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += dual.layers[i].values.at(read_out);
  return sum / static_cast<double>(end - begin);
}

ClaimTest TestLastLayers(const ModelResult& model) {
  const Dual& dual = *model.Find<Dual>();
  ClaimTest test{model.name};
  const size_t layers = dual.layers.size();
  const bool known = AllLayersHave(dual, "deep_share");
  if (layers < 4 || !known) {
    test.reason = Format("needs the deep share of four layers or more; %zu were read out",
                         known ? layers : size_t{0});
  } else {
    // The published borders, at this depth: an eighth of the layers up to five eighths, and the
    // last eighth.
    const size_t begin = std::max<size_t>(1, layers / 8), end = std::max(begin + 1, layers * 5 / 8),
                 last = layers - std::max<size_t>(1, layers / 8);
    const double middle = MeanOfLayers(dual, "deep_share", begin, end),
                 late = MeanOfLayers(dual, "deep_share", last, layers);
    test.verdict = ShareIsAbove(late, middle);
    test.reason = Format("mean deep share %.2f in the middle, %.2f in the last %zu of %zu layers",
                         middle, late, layers - last, layers);
  }
  return test;
}

ClaimTest TestSharpening(const ModelResult& model) {
  const Dual& dual = *model.Find<Dual>();
  ClaimTest test{model.name};
  const size_t layers = dual.layers.size();
  const bool known = AllLayersHave(dual, "gate_gap");
  if (layers < 4 || !known) {
    test.reason = Format("needs the gates of four layers or more; %zu were read out",
                         known ? layers : size_t{0});
  } else {
    // The paper compares the first five and the last six of sixteen layers; other depths take the
    // same parts.
    const size_t first = std::max<size_t>(1, layers * 5 / 16),
                 last = layers - std::max<size_t>(1, layers * 6 / 16);
    const double early = MeanOfLayers(dual, "gate_gap", 0, first),
                 late = MeanOfLayers(dual, "gate_gap", last, layers);
    test.verdict = ShareIsAbove(late, early);
    test.reason = Format(
        "the gates of a token differ by %.2f in the first %zu layers, by %.2f in the last %zu",
        early, first, late, layers - last);
  }
  return test;
}

// The blocks of a composite are not one stack: claims about first and last layers leave it out.
std::vector<ClaimTest> TestReadOuts(const Results& results, bool one_stack,
                                    ClaimTest (*test)(const ModelResult& model)) {
  std::vector<ClaimTest> tests;
  for (const ModelResult* model : MeasuredDualModels(results, /*loops_too=*/false)) {
    const bool composite = model->composed() || model->role == Role::kCompositeScratch;
    if (!one_stack || !composite) tests.push_back(test(*model));
  }
  return tests;
}

}  // namespace

Claim ClassesDifferClaim() {
  return {"Layout and symbols lean on the deep path, words on the wide one.", kDualPath,
          "SPACE, PUNCT and SYM deepest, adverbs to verbs widest", [](const Results& results) {
            return TestReadOuts(results, /*one_stack=*/false, TestClasses);
          }};
}

Claim CorporaDifferClaim() {
  return {"Late layers are deeper on arithmetic than on questions of knowledge.", kDualPath,
          "GSM8K deeper than TriviaQA", [](const Results& results) {
            return TestReadOuts(results, /*one_stack=*/false, TestCorpora);
          }};
}

Claim LastLayersDeepClaim() {
  return {"Middle layers lean on the wide path, the last ones on the deep path.", kDualPath,
          "deep share 0.28 to 0.40 in layers 2 to 9, 0.5 to 0.6 in the last two of 16",
          [](const Results& results) {
            return TestReadOuts(results, /*one_stack=*/true, TestLastLayers);
          }};
}

Claim GatesSharpenClaim() {
  return {"Gates are balanced in the first layers and one-sided in the last.", kDualPath,
          "small and balanced in layers 0 to 4, in the corners in 10 to 15 of 16",
          [](const Results& results) {
            return TestReadOuts(results, /*one_stack=*/true, TestSharpening);
          }};
}

}  // namespace braid::report
