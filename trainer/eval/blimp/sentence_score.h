// Log-probabilities of whole sentences under a model, computed in batches of sentences of similar
// length.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/network/prefix_tree.h"

namespace braid::trainer {

// The function of a network that scoring needs. `ids` and `labels` are [batch, sequence],
// row-major. The result, [batch * sequence], is the natural logarithm of the probability of
// labels[i] after the ids of its row up to and including ids[i]; 0 where the label is negative.
using TokenScorer = std::function<std::vector<float>(const int32_t* ids, const int32_t* labels,
                                                     int64_t batch, int64_t sequence)>;

// The same for sentences that share beginnings: log p of each of tree.targets.
using PrefixScorer = std::function<std::vector<float>(const PrefixTree& tree)>;

// Special tokens of the model, and the size of batches.
struct ScoreOptions {
  int32_t eos_id = 0;
  int32_t pad_id = 0;
  // Upper bound of batch * sequence, or of the rows of a tree, which bounds the memory.
  int64_t batch_tokens = 4096;
};

// The score of each of `sentences` (token ids without the end token). The model reads <|endoftext|>
// and then the sentence; the score is the sum of the log-probabilities of its tokens, not
// normalised by length (docs/papers/papaformer.md#s8.1). Rows are padded on the right. An empty
// sentence scores 0.
std::vector<double> ScoreSentences(const std::vector<std::vector<int32_t>>& sentences,
                                   const TokenScorer& scorer, const ScoreOptions& options);

// The same scores, but for rounding, with every beginning that sentences of a batch share read
// once. The two sentences of a minimal pair differ in few words, and those of a paradigm begin
// alike.
std::vector<double> ScoreSharedSentences(const std::vector<std::vector<int32_t>>& sentences,
                                         const PrefixScorer& scorer, const ScoreOptions& options);

}  // namespace braid::trainer
