// BLiMP: the share of minimal pairs of which a model finds the grammatical sentence likelier
// (docs/papers/papaformer.md#s8.1).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/tokenizer.h"
#include "trainer/eval/blimp/pairs.h"
#include "trainer/eval/blimp/sentence_score.h"
#include "trainer/eval/once.h"

namespace braid::trainer {

// How the pairs are scored.
struct BlimpOptions {
  // All paradigms are scored once for each seed, and the accuracies averaged: five seeds for a
  // model whose router draws noise in evaluation (A4 `always`), one for all others.
  std::vector<uint64_t> noise_seeds = {1};

  // Called before each paradigm is scored, to set the router's noise, so that it does not depend on
  // which paradigms were scored before. May be empty.
  std::function<void(uint64_t seed, const std::string& paradigm)> begin_noise;
  // Scores sentences that share beginnings instead of the scorer, which scores each by itself. May
  // be empty, and must be where rows draw noise.
  PrefixScorer prefix_scorer;
  // The longest input of the model, in tokens; 0 for any.
  int64_t max_positions = 0;
  // Keeps the score of each paradigm with each noise seed, as the piece "blimp/<paradigm>/<seed>".
  Once once = MakeAlways;

  // Called after each paradigm of each noise seed. An error ends the evaluation and is returned.
  // May be empty.
  std::function<Status(int64_t done, int64_t total)> progress;
};

// What was measured of one model.
struct BlimpResult {
  // One paradigm.
  struct Accuracy {
    std::string paradigm;
    // From 0 to 1; mean over the noise seeds.
    double accuracy = 0;
    int64_t pairs = 0;
  };
  std::vector<Accuracy> paradigms;
  // For each noise seed the mean over the paradigms.
  std::vector<double> seeds;
  // From 0 to 1; the unweighted mean over the paradigms.
  double mean = 0;
};

// Scores all pairs. A sentence is encoded with one space in front. A pair is right if the good
// sentence scores at least as much as the bad one, so ties count as right. A sentence that is too
// long for the model, or a score that is not a number, is kInvalidArgument with paradigm and pair.
Result<BlimpResult> RunBlimp(const std::vector<Paradigm>& paradigms,
                             const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                             const TokenScorer& scorer, const BlimpOptions& options);

// {"mean", "paradigms": {name: accuracy}, "pairs", "complete", "seeds": [mean of each noise seed],
// "deviation"}, with accuracies in per cent. `complete` says that the 67 published paradigms were
// scored with 1,000 pairs each; only then the mean compares with published ones.
Json ToJson(const BlimpResult& result);

}  // namespace braid::trainer
