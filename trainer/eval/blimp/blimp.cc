#include "trainer/eval/blimp/blimp.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "trainer/eval/metrics/spread.h"

namespace braid::trainer {
namespace {

// The sentences of a paradigm as ids, good and bad ones in turn.
Result<std::vector<std::vector<int32_t>>> Encoded(const Paradigm& paradigm,
                                                  const corpus::Tokenizer& tokenizer,
                                                  corpus::Encoder& encoder, int64_t max_positions) {
  // A sentence stands behind a space, as within a text. Some tokenizers put it there themselves.
  const std::string space = tokenizer.PutsSpaceInFront() ? "" : " ";
  std::vector<std::vector<int32_t>> sentences;
  for (size_t i = 0; i < paradigm.pairs.size(); ++i) {
    for (const std::string* text : {&paradigm.pairs[i].good, &paradigm.pairs[i].bad}) {
      encoder.Encode(space + *text, &sentences.emplace_back());
      // The model reads <|endoftext|> and all tokens but the last, which is as many as there are
      // tokens.
      const auto positions = static_cast<int64_t>(sentences.back().size());
      if (max_positions > 0 && positions > max_positions) {
        return InvalidArgument(
            Format("BLiMP paradigm %s, pair %zu: a sentence of %lld tokens is above the %lld "
                   "positions of this model",
                   paradigm.name.c_str(), i + 1, (long long)positions, (long long)max_positions));
      }
    }
  }
  return sentences;
}

Result<double> AccuracyOf(const Paradigm& paradigm, const std::vector<double>& scores) {
  int64_t right = 0;
  for (size_t i = 0; i < paradigm.pairs.size(); ++i) {
    const double good = scores[2 * i], bad = scores[2 * i + 1];
    // Comparisons with NaN are false, so damaged weights would look like an accuracy of 0.
    if (!std::isfinite(good) || !std::isfinite(bad)) {
      return InvalidArgument(
          Format("BLiMP paradigm %s, pair %zu: the model's log-probability is not finite; its "
                 "weights are damaged",
                 paradigm.name.c_str(), i + 1));
    }
    right += good >= bad;
  }
  return static_cast<double>(right) / static_cast<double>(paradigm.pairs.size());
}

// BLiMP as it is published: so many paradigms, with so many pairs each.
constexpr size_t kParadigms = 67;
constexpr int64_t kPairs = 1000;  // of each

bool IsComplete(const std::vector<BlimpResult::Accuracy>& paradigms) {
  return paradigms.size() == kParadigms &&
         std::all_of(paradigms.begin(), paradigms.end(),
                     [](const BlimpResult::Accuracy& one) { return one.pairs == kPairs; });
}

}  // namespace

Result<BlimpResult> RunBlimp(const std::vector<Paradigm>& paradigms,
                             const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                             const TokenScorer& scorer, const BlimpOptions& options) {
  BlimpResult result;
  std::vector<std::vector<std::vector<int32_t>>> encoded;
  for (const Paradigm& paradigm : paradigms) {
    // All paradigms are encoded first, so that a sentence that is too long is found before any is
    // scored.
    BRAID_ASSIGN_OR_RETURN(encoded.emplace_back(),
                           Encoded(paradigm, tokenizer, encoder, options.max_positions));
    result.paradigms.push_back({paradigm.name, 0, static_cast<int64_t>(paradigm.pairs.size())});
  }
  ScoreOptions score;
  score.eos_id = tokenizer.eos_id();
  score.pad_id = tokenizer.pad_id();
  const auto rounds = static_cast<int64_t>(options.noise_seeds.size());
  int64_t done = 0;
  for (const uint64_t seed : options.noise_seeds) {
    std::vector<double> shares;
    for (size_t k = 0; k < paradigms.size(); ++k) {
      const auto accuracy = [&]() -> Result<Json> {
        if (options.begin_noise) options.begin_noise(seed, paradigms[k].name);
        BRAID_ASSIGN_OR_RETURN(
            const double made,
            AccuracyOf(paradigms[k],
                       options.prefix_scorer
                           ? ScoreSharedSentences(encoded[k], options.prefix_scorer, score)
                           : ScoreSentences(encoded[k], scorer, score)));
        return Json(made);
      };
      BRAID_ASSIGN_OR_RETURN(
          const double share,
          options.once("blimp/" + paradigms[k].name + "/" + std::to_string(seed), accuracy));
      shares.push_back(share);
      result.paradigms[k].accuracy += share / static_cast<double>(rounds);
      ++done;
      if (options.progress)
        BRAID_RETURN_IF_ERROR(
            options.progress(done, rounds * static_cast<int64_t>(paradigms.size())));
    }
    result.seeds.push_back(Mean(shares));
  }
  result.mean = Mean(result.seeds);
  return result;
}

Json ToJson(const BlimpResult& result) {
  Json paradigms = Json::object(), seeds = Json::array();
  int64_t pairs = 0;
  for (const BlimpResult::Accuracy& one : result.paradigms) {
    paradigms[one.paradigm] = 100 * one.accuracy;
    pairs += one.pairs;
  }
  for (const double seed : result.seeds) seeds.push_back(100 * seed);
  return {{"mean", 100 * result.mean},
          {"paradigms", paradigms},
          {"pairs", pairs},
          {"complete", IsComplete(result.paradigms)},
          {"seeds", seeds},
          {"deviation", 100 * StandardDeviation(result.seeds)}};
}

}  // namespace braid::trainer
