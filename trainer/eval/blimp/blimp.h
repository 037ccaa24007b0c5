// BLiMP: how often a model finds the grammatical sentence of a minimal pair the likelier one
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

struct BlimpOptions {
  // All paradigms are scored once for each of these, and accuracies averaged: five for a model
  // whose router is noisy while it is evaluated (A4 `always`), one for all others.
  std::vector<uint64_t> noise_seeds = {1};
  // Called before each paradigm is scored, so that its noise does not depend on others having been;
  // may be empty.
  std::function<void(uint64_t seed, const std::string& paradigm)> begin_noise;
  int64_t max_positions = 0;  // longest input of the model; 0: any
  Once once = MakeAlways;     // of each paradigm with each noise seed, "blimp/<paradigm>/<seed>"
  // Called after each paradigm of each noise seed; an error ends the evaluation with it. May be
  // empty.
  std::function<Status(int64_t done, int64_t total)> progress;
};

struct BlimpResult {
  struct Accuracy {
    std::string paradigm;
    double accuracy = 0;  // 0 to 1, mean over the noise seeds
    int64_t pairs = 0;
  };
  std::vector<Accuracy> paradigms;
  std::vector<double> seeds;  // the mean over the paradigms, for each noise seed
  double mean = 0;            // 0 to 1, over paradigms, each counted once
};

// A sentence is encoded with one space in front. A pair is right when the good sentence scores at
// least as much as the bad one: ties count. A sentence that is too long for the model, or a score
// that is not a number, is kInvalidArgument with paradigm and pair.
Result<BlimpResult> RunBlimp(const std::vector<Paradigm>& paradigms,
                             const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                             const TokenScorer& scorer, const BlimpOptions& options);

// {"mean", "paradigms": {name: accuracy}, "pairs", "complete", "seeds": [mean of each noise seed],
// "deviation"}, accuracies in per cent. Complete are the 67 paradigms of 1,000 pairs each as they
// are published: only such means compare with others'.
Json ToJson(const BlimpResult& result);

}  // namespace braid::trainer
